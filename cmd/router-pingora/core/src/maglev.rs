//! Maglev (R10; Eisenbud et al. 2016).
