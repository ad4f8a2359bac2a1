//! Every fallback that leads back to a placement on its own way. Candidates are flat lists in the
//! native form, so a cycle would do no harm to a request; it is refused because under load each
//! placement would be the other's overflow, and nobody could say from the file where the load ends.

use crate::load::Loader;
use std::collections::HashMap;

/// A depth-first search without recursion: a chain of fallbacks may be as long as the file.
struct Search {
    at: HashMap<String, usize>,
    state: Vec<State>,
    path: Vec<(usize, usize)>, // placement, and which of its fallbacks comes next
}

#[derive(Copy, Clone, PartialEq)]
enum State {
    Unseen,
    OnPath,
    Done,
}

impl Loader<'_> {
    pub(crate) fn cycles(&mut self) {
        let placements = &self.file.spec.placements;
        let mut s = Search {
            at: placements.iter().enumerate().map(|(i, p)| (p.name.clone(), i)).collect(),
            state: vec![State::Unseen; placements.len()],
            path: Vec::new(),
        };
        for i in 0..s.state.len() {
            self.visit(&mut s, i);
        }
    }

    fn visit(&mut self, s: &mut Search, first: usize) {
        if s.state[first] != State::Unseen {
            return;
        }
        s.state[first] = State::OnPath;
        s.path.push((first, 0));
        while let Some((i, k)) = s.path.last().copied() {
            let Some(name) = self.file.spec.placements[i].fallback.get(k) else {
                s.state[i] = State::Done;
                s.path.pop();
                continue;
            };
            if let Some(last) = s.path.last_mut() {
                last.1 += 1;
            }
            let Some(&j) = s.at.get(name) else { continue }; // core reports it
            match s.state[j] {
                State::OnPath => self.cycle(s, i, k, j),
                State::Unseen => {
                    s.state[j] = State::OnPath;
                    s.path.push((j, 0));
                }
                State::Done => {}
            }
        }
    }

    /// Reports that fallback `item` of placement `from` leads back to `to`.
    fn cycle(&mut self, s: &Search, from: usize, item: usize, to: usize) {
        let name = |i: usize| self.file.spec.placements[i].name.as_str();
        let mut names: Vec<&str> = s.path.iter().skip_while(|p| p.0 != to).map(|p| name(p.0)).collect();
        names.push(name(to));
        let (at, _) = self.file.place(&format!("placements.{}.fallback[{item}]", name(from)));
        let hint = if self.d.lenient {
            "each placement is tried once, then the default placement"
        } else {
            "end the chain at a placement with room to spare and fallback: none"
        };
        let p = at.problem(format!("fallback goes in a circle: {}", names.join(" -> ")), hint);
        self.d.soft(p);
    }
}
