// Package words judges the arguments of a call that are neither paths, places nor
// statements: words of a command, identifiers, mail addresses, free text and numbers.
// Authorize asks a judge once for every such argument.
//
// The judged bytes go to the upstream unchanged, which may hand them to a shell, to
// git, to a mail program. So each judge says what may stand in a value, never what may
// not: a list of dangerous characters is never complete (CVE-2024-4577: a soft hyphen
// that Windows makes a dash). The package runs nothing and sends nothing.
package words

// Fault is one thing wrong with a rule. Field is relative to it: "domains[2]".
type Fault struct{ Field, Text string }

// maxEntries bounds each list of a rule.
const maxEntries = 1000

// noRule is what a judge that is nil or was not made says.
const noRule = "no rule says what this argument may hold"

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
