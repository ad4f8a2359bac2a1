//! Presets (R6): what other breakers do by default, as far as it maps.
