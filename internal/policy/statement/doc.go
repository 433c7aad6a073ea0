// Package statement judges one argument of a tool call that is SQL: whether it
// is one statement of an allowed kind that touches allowed tables and calls
// harmless functions alone. The authorize stage asks it for arguments that a
// policy declares to be SQL.
//
// It judges by a list of what may be, never of what may not: a word, a node of
// the syntax tree, a function, a type or an operator that is not on the list
// refuses. Text whose meaning hangs on a setting of the server (a backslash
// before a quote, double quotes in MySQL, version comments) is refused, not
// guessed at.
//
// PostgreSQL is read by its own parser (libpg_query as WebAssembly), behind
// bounds that keep it far from the depth at which that build fails. MySQL and
// SQLite are read by a recursive descent over the part of SELECT, INSERT, UPDATE
// and DELETE that the two write alike; what is outside of it is refused. See
// docs/adr/0018-sql-parsers.md.
//
// It sees names, not a catalogue. A view or a synonym that is allowed reads
// whatever it was defined over; so do a function that takes a row of an allowed
// table and is written as its column, and operators and casts that somebody
// redefined. The role of the database must not own more than the rule allows.
//
// A Judge does not change after New. It is safe for concurrent use.
package statement
