//! What sessions of this project's own have beside the function: those of the prompt and of the
//! Python package.
//!
//! * [`files`]: paths as tables, and columns by their names.
//! * [`nested_text`]: lists, structs and maps as text, where a format has no room for them.
//! * [`copy`]: `COPY … TO 'x.csv'` of such columns.
//!
//! An application's session gets none of this from [`register_all`](crate::register_all).

mod by_name;
mod column;
pub mod copy;
mod delimited;
mod encoding;
mod endings;
mod external;
mod failure;
pub mod files;
mod folder_columns;
mod json;
mod listing;
mod look;
mod missing;
mod native;
pub mod nested_text;
mod paths;
mod pour;
mod recoded;
mod sniff;
pub(crate) mod statements;
mod this_session;
pub(crate) mod unquoted;
mod whole_files;
