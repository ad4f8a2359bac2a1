//! What Compile makes of shares and adaptive limits (R5) and of push guards (R13).
