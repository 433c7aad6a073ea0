// Package paths judges one string argument of a tool call that names a file:
// whether it may be forwarded, byte for byte as it stands. The authorize stage
// asks it for every argument that the configuration types as a path.
//
// Nothing is repaired. A path is not cleaned, decoded or folded and then
// allowed, for the upstream gets the bytes and not the repaired form; a
// spelling that two readers could understand differently is refused. Readers
// that were thought of: those that clean dot segments, decode percent escapes
// once or more often, fold Unicode, take a backslash for a slash, trim, stop at
// a NUL, "#" or ";", expand "~", "$NAME" or "%NAME%", split a list, read a
// URI, ignore case, or run on Windows.
//
// What it can be sure of, for a path that passes:
//
//   - It has no dot segment, no doubled separator, no escape, no control or
//     invisible character, and no look-alike of a separator or a dot.
//   - Component by component, its exact bytes begin with a directory of Under.
//     On Windows ASCII letters compare without case; other letters compare
//     exactly, since which of them are one is the volume's choice.
//   - Neither its bytes nor its folded form (NFKC, case, invisible characters)
//     are closed by Not.
//   - It is not in /proc, /dev or /sys, unless Under names a directory there.
//
// What it cannot be sure of:
//
//   - That the path names the same file when it is opened. Resolve follows the
//     links of the moment; between that look and the upstream's use a directory
//     can be swapped for a link. Only the sandbox that confines the upstream
//     ends that race. Resolve also sees the file system of this machine alone.
//   - Hard links and bind mounts: a path does not show them.
//   - Which names one file has on the volume: an 8.3 name on a FAT volume that
//     Linux mounts, a letter of another script that looks alike.
//   - An upstream that takes the path for a pattern. "*", "?", "{" and "}" are
//     refused, but "[" and "]" pass because common web frameworks name files so:
//     an upstream that expands "[ab]" can reach what Not closes.
//   - What the upstream does with a name: options, queries and commands are
//     other types of argument.
//
// The price is a few refused names that are real: those with a percent sign
// before two hexadecimal digits, a "$" before a letter, one of the characters
// that Windows forbids, a no-break space, or a dot, a comma or a tilde at the
// end of a component.
//
// A Judge does not change after New and needs no lock.
package paths
