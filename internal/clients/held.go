package clients

import (
	"regexp"
	"strings"
	"sync"
)

// credentialForm is one way to write a credential down.
type credentialForm struct {
	pattern *regexp.Regexp
	strict  bool // the name is for other things too: only what looks random counts
}

// credentialForms are the forms in which a credential stands in a command: behind
// an option, in a setting, in a header, in an address, and by itself. Each has its
// value in the first group.
//
//nolint:gochecknoglobals // a table, compiled when first used; read-only
var credentialForms = sync.OnceValue(func() []credentialForm {
	return []credentialForm{
		{regexp.MustCompile(`(?i)(?:^|\s)--?(?:[a-z0-9-]+[-_])?(?:token|secret|password|passwd|api[_-]?key|access[_-]?key|bearer|pat)[= ](\S{6,})`), false},
		{regexp.MustCompile(`(?i)(?:^|\s)--?(?:auth|key)[= ](\S{6,})`), true},
		{regexp.MustCompile(`(?i)(?:_auth_?token|api[_-]?key|access[_-]?token|access[_-]?key|_token|password|passwd|secret)["']?=["']?([^\s"']{6,})`), false},
		{regexp.MustCompile(`(?i)\b(?:authorization|proxy-authorization|x-api-key|api-key|apikey|x-auth-token|x-access-token|private-token|cookie)["']?\s*[:=]\s*["']?(?:(?:bearer|basic|token)\s+)?([^\s"']{6,})`), false},
		{regexp.MustCompile(`(?i)\b(?:bearer|basic)\s+([A-Za-z0-9_.+/=-]{16,})`), true},
		{regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s/:@"']*:([^\s/@"']+)@`), false},
		{regexp.MustCompile(`\b((?:ghp|gho|ghs|github_pat|glpat|xox[abprs]|sk|pk|rk)[-_][A-Za-z0-9_-]{16,}|AKIA[0-9A-Z]{16})`), false},
	}
})

// holdsCredential tells whether a command seems to have a credential in it.
func holdsCredential(line string) bool {
	for _, f := range credentialForms() {
		for _, m := range f.pattern.FindAllStringSubmatch(line, -1) {
			if !standsFor(m[1]) && (!f.strict || random(m[1])) {
				return true
			}
		}
	}
	return false
}

// standsFor tells whether a value only says where the credential is: a placeholder
// of a shell or a client, the name of a file, or another option.
func standsFor(value string) bool {
	value = strings.Trim(value, `"'`)
	return strings.ContainsAny(value, "${}<>") || strings.HasPrefix(value, "%") || strings.HasPrefix(value, "-") ||
		regexp.MustCompile(`^(/|\./|\.\./|~/|[A-Za-z]:\\|(env|file|vault|op|keychain):)|(?i)\.(pem|key|crt|json|ya?ml|txt|env)$`).MatchString(value) ||
		regexp.MustCompile(`(?i)^(x{3,}|\*{3,}|your[_-].*|changeme)$`).MatchString(value)
}

// random tells whether a value looks like a credential and not like a word.
func random(value string) bool {
	return len(value) >= 20 || len(value) >= 8 && strings.ContainsAny(value, "0123456789")
}
