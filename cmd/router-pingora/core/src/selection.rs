//! Selection inside a placement (R10): given the admissible endpoints, in the order of the
//! configuration, pick one. Picking changes nothing; commit does.
