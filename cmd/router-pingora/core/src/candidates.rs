//! Candidates (R1): for every placement a flat list of the placements that may serve its requests.
