package personal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"doorward/internal/gate"
)

// Scan finds the personal numbers and addresses of a text, in the order in which
// they stand, none within another; at most gate.MaxFindings.
func Scan(text string) []gate.Finding {
	var found []gate.Finding
	for i := 0; i < len(text) && len(found) < gate.MaxFindings; {
		switch c := text[i]; {
		case c == '@':
			found = appendIf(found, mail(text, i))
			i++
		case digit(c) && (i == 0 || !alnum(text[i-1])):
			end := run(text, i)
			found = append(found, numbers(text, i, end)...)
			i = end
		case upper(c) && (i == 0 || !alnum(text[i-1])):
			f, end := lettered(text, i)
			found = appendIf(found, f)
			i = end
		default:
			i++
		}
	}
	return tidy(found)
}

func appendIf(found []gate.Finding, f *gate.Finding) []gate.Finding {
	if f == nil {
		return found
	}
	return append(found, *f)
}

// tidy sorts, and leaves out what is within another.
func tidy(found []gate.Finding) []gate.Finding {
	slices.SortStableFunc(found, func(a, b gate.Finding) int {
		return cmp.Or(cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(b.Span.End, a.Span.End))
	})
	end := -1
	found = slices.DeleteFunc(found, func(f gate.Finding) bool {
		if f.Span.End <= end {
			return true
		}
		end = f.Span.End
		return false
	})
	return found[:min(len(found), gate.MaxFindings)]
}

func finding(rule, why string, s gate.Severity, start, end int) *gate.Finding {
	return &gate.Finding{
		Rule: "personal." + rule, Severity: s, Span: gate.Span{Start: start, End: end},
		Text: fmt.Sprintf("… (%d bytes)", end-start), Why: why,
	}
}

// maxRun bounds a number with its separators, in bytes.
const maxRun = 40

// run is where a number that begins at i ends: digits, with one blank, dash, dot or
// slash between two of them.
func run(text string, i int) int {
	end := i
	for end < len(text) && end-i < maxRun {
		switch c := text[end]; {
		case digit(c):
			end++
			continue
		case strings.IndexByte(" -./", c) >= 0 && end+1 < len(text) && digit(text[end+1]):
			end++
			continue
		}
		break
	}
	return max(end, i+1)
}

// numbers judges a run of digits.
func numbers(text string, start, end int) []gate.Finding {
	if end < len(text) && alnum(text[end]) || start > 0 && strings.IndexByte("_.", text[start-1]) >= 0 {
		if f := lettersAfter(text, start, end); f != nil {
			return []gate.Finding{*f}
		}
		return nil
	}
	plain, apart := digits(text[start:end])
	if c := card(plain, apart); c && !fraction(text[start:end]) {
		return []gate.Finding{*finding("card", "a payment card: its check digit is right", gate.Medium, start, end)}
	}
	if rule, why := national(text[:start], text[start:end], plain); rule != "" {
		return []gate.Finding{*finding(rule, why, gate.Medium, start, end)}
	}
	if ssn(text[start:end]) && around(text[:start], "ssn", "social security", "social-security", "sozialversicherung") {
		return []gate.Finding{*finding("ssn", "a social security number of the USA, after its name", gate.Medium, start, end)}
	}
	if phone(text, start, text[start:end], plain) {
		if start > 0 && text[start-1] == '+' {
			start--
		}
		return []gate.Finding{*finding("phone", "what looks like a telephone number", gate.Low, start, end)}
	}
	return nil
}

// fraction tells whether a run is a decimal number, or a list of them.
func fraction(s string) bool { return strings.Count(s, ".") > 0 || strings.Count(s, "/") > 0 }

// digits are those of a run, and how many separators are between.
func digits(s string) (plain string, separators int) {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if digit(s[i]) {
			b = append(b, s[i])
		}
	}
	return string(b), len(s) - len(b)
}

// near is how far before a number a word says what it is, in bytes.
const near = 48

// around tells whether one of words stands shortly before.
func around(before string, words ...string) bool {
	low := strings.ToLower(before[max(0, len(before)-near):])
	for _, w := range words {
		if strings.Contains(low, w) {
			return true
		}
	}
	return false
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
func upper(c byte) bool { return c >= 'A' && c <= 'Z' }
func alnum(c byte) bool { return digit(c) || upper(c) || c >= 'a' && c <= 'z' }
