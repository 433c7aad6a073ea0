// Package launch judges how a command is started: its words, the variables that it is
// given, and the file that it begins with (security cases POL-32 to POL-35, SBX-26); and
// it finds what else it executes. A configuration is code: whoever writes a command into
// one has it run (CVE-2025-54136, CVE-2026-30615), so what no server needs is refused
// unless the configuration says that it must be. config asks about words and variables,
// upstream about all of it at each start, checklist and clients for people.
//
// It reads words, and looks at files. It never starts anything, and never fetches.
package launch
