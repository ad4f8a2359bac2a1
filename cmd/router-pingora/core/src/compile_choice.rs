//! What Compile makes of the settings of selection (R10) and of windows (R6).
