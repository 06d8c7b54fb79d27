//! What sessions of this project's own have beside the function: those of the prompt and of the
//! Python package.
//!
//! * [`files`]: paths as tables, and columns by their names.
//! * [`nested_text`]: lists, structs and maps as text, where a format has no room for them.
//! * [`copy`]: `COPY … TO 'x.csv'` of such columns.
//!
//! An application's session gets none of this from [`register_all`](crate::register_all).

pub mod copy;
pub mod files;
mod json;
pub mod nested_text;
mod whole_files;
