//! What is told to the outside, and told again until it is heard.
