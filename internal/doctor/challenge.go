package doctor

import "strings"

// challenge is one challenge of a WWW-Authenticate header (RFC 9110, section
// 11.6.1).
type challenge struct {
	scheme string            // in lower case
	params map[string]string // by name in lower case
}

// maxChallenge bounds the header in bytes.
const maxChallenge = 4 << 10

// readChallenges reads every challenge of the header's lines. What cannot be
// read ends its line.
func readChallenges(lines []string) []challenge {
	var all []challenge
	for _, line := range lines {
		if len(line) <= maxChallenge {
			all = appendChallenges(all, line)
		}
	}
	return all
}

func appendChallenges(all []challenge, s string) []challenge {
	for {
		s = strings.TrimLeft(s, " \t,=") // a challenge of one word may end in padding: Negotiate abc==
		word, rest := cutToken(s)
		if word == "" {
			return all
		}
		value, after, isParam := cutParam(rest)
		if !isParam || len(all) == 0 {
			all = append(all, challenge{strings.ToLower(word), map[string]string{}})
			s = rest
			continue
		}
		all[len(all)-1].params[strings.ToLower(word)] = value
		s = after
	}
}

// cutToken takes a token (RFC 9110, section 5.6.2) off the front.
func cutToken(s string) (token, rest string) {
	i := strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
	if i < 0 {
		i = len(s)
	}
	return s[:i], s[i:]
}

// cutParam takes "= value" off the front, where value is a token or quoted.
func cutParam(s string) (value, rest string, ok bool) {
	s, ok = strings.CutPrefix(strings.TrimLeft(s, " \t"), "=")
	if !ok {
		return "", "", false
	}
	s = strings.TrimLeft(s, " \t")
	if !strings.HasPrefix(s, `"`) {
		value, rest = cutToken(s)
		return value, rest, value != ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// bearer is the challenge that asks for a token or a key (RFC 6750, section 3).
func bearer(all []challenge) (challenge, bool) {
	for _, c := range all {
		if c.scheme == "bearer" {
			return c, true
		}
	}
	return challenge{}, false
}
