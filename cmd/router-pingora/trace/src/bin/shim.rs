//! Answers a conformance runner over stdin and stdout: traces/CONFORM.md.
//!
//! A question is a trace of which only the inputs are known, an answer the same trace complete. Nothing
//! that is asked can end the program; it ends with its input.
#![forbid(unsafe_code)]

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use lockstep_trace::{Reader, SPEC_VERSION, complete};

/// The version of the protocol.
const PROTOCOL: u32 = 1;

/// The longest question and the longest answer in bytes. A small question can ask for a large answer:
/// each block that joins is answered with a snapshot.
const LONGEST: usize = 256 << 20;

const COMPLETE: u8 = 0;
const CANNOT: u8 = 1;

fn main() -> ExitCode {
    // A fault in core is told as an answer, so the default message on stderr would say it twice.
    std::panic::set_hook(Box::new(|_| {}));
    let input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    match serve(input, BufWriter::with_capacity(1 << 16, io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("shim: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Says what it is, then answers until the input ends between two questions.
fn serve(mut input: impl Read, mut output: impl Write) -> io::Result<()> {
    writeln!(
        output,
        r#"{{"shim":{PROTOCOL},"spec":{SPEC_VERSION},"name":"lockstep-core (Rust) {}","forms":["binary","ndjson"]}}"#,
        env!("CARGO_PKG_VERSION")
    )?;
    output.flush()?;
    let (mut question, mut answer) = (Vec::new(), Vec::new());
    while read_question(&mut input, &mut question)? {
        let kind = answer_to(&question, &mut answer, LONGEST);
        output.write_all(&[kind])?;
        output.write_all(&(answer.len() as u32).to_le_bytes())?;
        output.write_all(&answer)?;
        output.flush()?;
    }
    Ok(())
}

/// Reads the next question; false where the input ends before one. Room is made as bytes come, so that a
/// false length asks for no more than was sent.
fn read_question(input: &mut impl Read, question: &mut Vec<u8>) -> io::Result<bool> {
    let mut size = [0; 4];
    let mut have = 0;
    while have < size.len() {
        match input.read(&mut size[have..]) {
            Ok(0) if have == 0 => return Ok(false),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => have += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    let size = u32::from_le_bytes(size) as usize;
    question.clear();
    if size > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a question of {size} bytes")));
    }
    if input.by_ref().take(size as u64).read_to_end(question)? != size {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the input ends in the middle of a question"));
    }
    Ok(true)
}

/// An answer as it grows, up to its longest.
struct Room<'a> {
    answer: &'a mut Vec<u8>,
    longest: usize,
}

impl Write for Room<'_> {
    fn write(&mut self, b: &[u8]) -> io::Result<usize> {
        if b.len() > self.longest - self.answer.len() {
            return Err(io::Error::other(format!("the answer would be longer than {} bytes", self.longest)));
        }
        self.answer.extend_from_slice(b);
        Ok(b.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Puts the answer into its buffer and returns its kind.
fn answer_to(question: &[u8], answer: &mut Vec<u8>, longest: usize) -> u8 {
    answer.clear();
    let done = catch_unwind(AssertUnwindSafe(|| {
        let mut r = Reader::new(question).map_err(|e| e.to_string())?;
        let form = r.form();
        complete(Room { answer: &mut *answer, longest }, form, &mut r)
    }));
    let why = match done {
        Ok(Ok(())) => return COMPLETE,
        Ok(Err(why)) => why,
        Err(fault) => format!("a fault of this implementation: {}", message(&*fault)),
    };
    answer.clear();
    answer.extend_from_slice(why.as_bytes());
    CANNOT
}

fn message(fault: &(dyn std::any::Any + Send)) -> &str {
    let text = fault.downcast_ref::<&str>().copied();
    text.or_else(|| fault.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(text: &[u8]) -> Vec<u8> {
        [&(text.len() as u32).to_le_bytes(), text].concat()
    }

    /// What the shim says to that input, without its first line.
    fn said(input: &[u8]) -> (io::Result<()>, Vec<u8>) {
        let mut output = Vec::new();
        let end = serve(input, &mut output);
        let at = output.iter().position(|&c| c == b'\n').unwrap();
        (end, output.split_off(at + 1))
    }

    #[test]
    fn it_says_first_what_it_is_and_ends_with_its_input() {
        let mut output = Vec::new();
        serve(&b""[..], &mut output).unwrap();
        let name = concat!("lockstep-core (Rust) ", env!("CARGO_PKG_VERSION"));
        let want = format!("{{\"shim\":1,\"spec\":1,\"name\":\"{name}\",\"forms\":[\"binary\",\"ndjson\"]}}\n");
        assert_eq!(String::from_utf8(output).unwrap(), want);
    }

    #[test]
    fn what_is_no_trace_gets_an_error_and_the_next_question_an_answer() {
        let header = b"{\"lockstep\":1,\"spec\":\"1\",\"name\":\"x\",\"seed\":7,\"config\":\"0000000000000000\",\"flags\":[],\"why\":\"\"}\n";
        let input = [question(b""), question(b"hello"), question(b"LSTRACE\x01junk"), question(header)].concat();
        let (end, output) = said(&input);
        assert!(end.is_ok());
        let (mut at, mut kinds) = (0, Vec::new());
        while at < output.len() {
            let n = u32::from_le_bytes(output[at + 1..at + 5].try_into().unwrap()) as usize;
            kinds.push(output[at]);
            at += 5 + n;
        }
        assert_eq!(kinds, [CANNOT, CANNOT, CANNOT, COMPLETE]);
        assert!(output.ends_with(header));
    }

    #[test]
    fn an_input_that_ends_inside_a_question_is_an_error_of_the_program() {
        for (input, want) in [
            (&b"\x01"[..], io::ErrorKind::UnexpectedEof),
            (b"\x05\x00\x00\x00abc", io::ErrorKind::UnexpectedEof),
            (b"\xff\xff\xff\x0fabc", io::ErrorKind::UnexpectedEof),
            (b"\xff\xff\xff\xffabc", io::ErrorKind::InvalidData),
        ] {
            assert_eq!(said(input).0.unwrap_err().kind(), want);
        }
    }

    #[test]
    fn an_answer_that_would_be_too_long_is_refused() {
        let header = b"{\"lockstep\":1,\"spec\":\"1\",\"name\":\"x\",\"seed\":7,\"config\":\"0000000000000000\",\"flags\":[],\"why\":\"\"}\n";
        let mut answer = Vec::new();
        assert_eq!(answer_to(header, &mut answer, header.len()), COMPLETE);
        assert_eq!(answer, header);
        assert_eq!(answer_to(header, &mut answer, header.len() - 1), CANNOT);
        assert!(String::from_utf8_lossy(&answer).starts_with("the answer would be longer than "));
    }
}
