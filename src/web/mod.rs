//! The pages: templates checked when they are compiled, their words in English and Russian, their assets. Pure: it is told
//! what to show and asks for nothing.
