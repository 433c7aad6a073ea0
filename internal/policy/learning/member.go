package learning

import (
	"fmt"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/policy"
)

// membership makes a role one of a single principal. No policy gives roles to keys,
// to the anonymous and to the local user.
func membership(who *gate.Principal) (policy.Role, []string) {
	switch who.Method {
	case gate.MethodJWT, gate.MethodIntrospection, gate.MethodMTLS:
		return policy.Role{Subjects: []string{literal(who.Subject)}, Issuers: []string{who.Realm}}, nil
	case gate.MethodAnonymous, gate.MethodLocal:
		return policy.Role{}, []string{"of the " + who.Method + " principal: name this role where the configuration gives it roles"}
	}
	return policy.Role{}, []string{"of the key " + gate.Visible(who.Subject) + ": make a key with this role (doorward key create NAME --role ROLE)"}
}

// slug is a subject as part of a role's name.
func slug(subject string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(subject) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == maxSlug {
			break
		}
	}
	if s := strings.Trim(b.String(), "-"); s != "" {
		return s
	}
	return "principal"
}

// maxSlug keeps the names of roles short: config takes 64 bytes.
const maxSlug = 40

// name makes the names of roles unique, in an order that does not change.
func (l *learner) name() {
	taken := map[string]bool{}
	if l.options.BySubject { // never one that the file has
		for name := range l.options.Present.Roles {
			taken[name] = true
		}
	}
	for _, key := range sortedKeys(l.roles) {
		r := l.roles[key]
		base := r.name
		for n := 2; taken[r.name]; n++ {
			r.name = fmt.Sprintf("%s-%d", base, n)
		}
		taken[r.name] = true
	}
}
