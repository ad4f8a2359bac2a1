//! Values with units. A bare number is a count, so each of these refuses one.

use crate::decode::{Decode, Decoder, Mistake};
use crate::gotext::{parse_duration, quote};
use crate::node::{Kind, Node};
use std::net::IpAddr;
use std::sync::Arc;

/// Declares a type that is read from the text of a scalar.
macro_rules! from_text {
    ($($(#[$doc:meta])* $name:ident($inner:ty) = $parse:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) $inner);

        impl Decode for $name {
            fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
                d.text(n, &mut self.0, $parse);
            }
            fn too_small(&self) -> bool {
                self.0 <= <$inner>::default()
            }
        }
    )*};
}

from_text! {
    /// A length of time in ns: 250ms.
    Dur(i64) = duration;
    /// A whole share: 50%.
    Percent(u32) = percent;
    /// A multiplier in parts per million: 2 or 1.5.
    Factor(u32) = factor;
    /// A number of bytes: 512KiB, 10MiB.
    Size(i64) = size;
    /// A number of requests a second: 600/s.
    Rate(i64) = rate;
    /// A part of a whole in parts per million: 99.9%.
    Share(u32) = share;
}

fn duration(text: &str) -> Result<i64, Mistake> {
    parse_duration(text).ok_or_else(|| {
        Mistake::of(
            format!("{} is not a length of time", quote(text)),
            "write it with its unit, such as 250ms, 5s or 10m",
        )
    })
}

/// Digits alone, as strconv.ParseUint reads them.
pub(crate) fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn digits32(text: &str) -> Option<u32> {
    digits(text).and_then(|n| u32::try_from(n).ok())
}

fn percent(text: &str) -> Result<u32, Mistake> {
    text.strip_suffix('%').and_then(digits32).ok_or_else(|| {
        Mistake::of(format!("{} is not a share", quote(text)), "write whole percents with their sign, such as 50%")
    })
}

fn factor(text: &str) -> Result<u32, Mistake> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fits = whole.len() <= 3 && fraction.len() <= 6;
    let all = format!("{whole}{fraction:0<6}");
    fits.then(|| digits32(&all))
        .flatten()
        .ok_or_else(|| Mistake::of(format!("{} is not a factor", quote(text)), "write a number such as 2 or 1.5"))
}

fn size(text: &str) -> Result<i64, Mistake> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("B", 0)];
    let found = units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)));
    found.and_then(|(n, shift)| Some(i64::from(digits32(n)?) << shift)).ok_or_else(|| {
        Mistake::of(
            format!("{} is not a size", quote(text)),
            "write it with its unit: B, KiB, MiB or GiB, such as 10MiB",
        )
    })
}

fn rate(text: &str) -> Result<i64, Mistake> {
    text.strip_suffix("/s")
        .and_then(digits32)
        .map(i64::from)
        .ok_or_else(|| Mistake::of(format!("{} is not a rate", quote(text)), "write requests a second, such as 600/s"))
}

pub(crate) fn share(text: &str) -> Result<u32, Mistake> {
    let parse = || {
        let number = text.strip_suffix('%')?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || whole.len() > 3 || fraction.len() > 4 || number.ends_with('.') {
            return None;
        }
        digits32(&format!("{whole}{fraction:0<4}")).filter(|n| *n <= 1_000_000)
    };
    parse().ok_or_else(|| {
        Mistake::of(format!("{} is not a share", quote(text)), "write percents with their sign, such as 99.9%")
    })
}

/// An inclusive range of counts. A single number is a range of one; the default is not stated.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The least, 0 where nothing is stated.
    pub min: i64,
    /// The most.
    pub max: i64,
}

impl Decode for Range {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        d.text(n, self, |text| {
            let (low, high) = text.split_once("..").unwrap_or((text, text));
            let part = |s| digits(s).filter(|n| *n < 1 << 31).map(|n| n as i64);
            match (part(low), part(high)) {
                (Some(min), Some(max)) if min > 0 && max >= min => Ok(Range { min, max }),
                _ => Err(Mistake::of(
                    format!("{} is not a count or a range of counts", quote(text)),
                    "write 12, or 8..16 with the smaller first",
                )),
            }
        });
    }
}

/// A setting that the word none switches off. The default was not written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Maybe<T> {
    pub(crate) value: T,
    /// Written with a value.
    pub(crate) set: bool,
    /// Written as none.
    pub(crate) none: bool,
}

impl<T: Decode> Decode for Maybe<T> {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        if n.is_word("none") {
            *self = Maybe { none: true, ..Maybe::default() };
            return;
        }
        self.set = true;
        d.read(n, &mut self.value);
    }
    fn too_small(&self) -> bool {
        self.value.too_small()
    }
    fn checked(&self) -> bool {
        self.set
    }
}

/// One word or several.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words(pub(crate) Vec<String>);

impl Decode for Words {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        if n.kind == Kind::Scalar {
            self.0 = vec![n.text.clone()];
            return;
        }
        self.0.decode(d, n);
        if n.kind == Kind::Sequence && n.items.is_empty() {
            d.fail(&n.at, "this list is empty", "name one, or remove it to take any");
        }
    }
}

/// A range of addresses, 10.20.0.0/16, or one address.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The first address of the range.
    pub address: IpAddr,
    /// How many bits all addresses of the range share.
    pub bits: u8,
}

impl Default for Prefix {
    fn default() -> Prefix {
        Prefix { address: IpAddr::from([0, 0, 0, 0]), bits: 32 }
    }
}

impl std::fmt::Display for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Prefix {
    /// Whether the range holds that address. An IPv4 address in IPv6 form is not one of an IPv4 range.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => {
                Prefix { address, bits: self.bits }.masked().address == self.masked().address
            }
            _ => false,
        }
    }

    fn masked(self) -> Prefix {
        let address = match self.address {
            IpAddr::V4(a) => IpAddr::from((a.to_bits() & top32(self.bits)).to_be_bytes()),
            IpAddr::V6(a) => IpAddr::from((a.to_bits() & top128(self.bits)).to_be_bytes()),
        };
        Prefix { address, bits: self.bits }
    }
}

fn top32(bits: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0)
}

fn top128(bits: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)
}

impl Decode for Prefix {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        d.text(n, self, |text| {
            if let Ok(address) = text.parse::<IpAddr>() {
                return Ok(Prefix { address, bits: if address.is_ipv4() { 32 } else { 128 } });
            }
            let parse = || {
                let (address, bits) = text.split_once('/')?;
                let address: IpAddr = address.parse().ok()?;
                let most = if address.is_ipv4() { 32 } else { 128 };
                let leading_zero = bits.len() > 1 && bits.starts_with('0');
                let bits = digits(bits).filter(|b| *b <= most && !leading_zero)?;
                Some(Prefix { address, bits: bits as u8 })
            };
            let v = parse().ok_or_else(|| {
                Mistake::of(
                    format!("{} is not a range of addresses", quote(text)),
                    "write it as 10.20.0.0/16 or 2001:db8::/32",
                )
            })?;
            if v != v.masked() {
                return Err(Mistake::of(
                    format!("{} names one address within a range", quote(text)),
                    format!("write the range as {}", v.masked()),
                ));
            }
            Ok(v)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_bare_numbers_are_not() {
        assert_eq!(percent("50%").ok(), Some(50));
        assert_eq!(factor("1.5").ok(), Some(1_500_000));
        assert_eq!(size("10MiB").ok(), Some(10 << 20));
        assert_eq!(size("7B").ok(), Some(7));
        assert_eq!(rate("600/s").ok(), Some(600));
        assert_eq!(share("99.9%").ok(), Some(999_000));
        for bad in ["50", "+5%", "1.5.5", "", "%", "100.%", "5 %"] {
            assert!(percent(bad).is_err() && share(bad).is_err() && size(bad).is_err() && rate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_range_of_addresses_holds_what_lies_in_it() {
        let p = Prefix { address: [10, 20, 0, 0].into(), bits: 16 };
        assert!(p.contains([10, 20, 9, 9].into()) && !p.contains([10, 21, 0, 0].into()));
        assert!(Prefix { address: [0, 0, 0, 0].into(), bits: 0 }.contains([1, 2, 3, 4].into()));
    }
}
