package scan

import (
	"fmt"
	"io/fs"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"doorward/internal/clients"
	"doorward/internal/fetched"
	"doorward/internal/gate"
	"doorward/internal/loopback"
)

// Setup looks at how servers are set up, each in its entry of a client's file.
func (r *Report) Setup(all []clients.Seen) {
	files := map[string]bool{}
	for i := range all {
		s := &all[i]
		r.Servers = append(r.Servers, Server{
			Name: s.Original, Client: s.Client, Project: s.Project, File: s.File, Line: s.Line, URL: s.URL, NotAsked: s.LeftOut, Command: clients.CommandLine(s.Command),
		})
		if !files[s.File] {
			files[s.File] = true
			r.file(s, slices.ContainsFunc(all, func(o clients.Seen) bool { return o.File == s.File && credentials(o.Literal) != "" }))
		}
		r.entry(s)
	}
	r.twice(all)
}

// about begins a finding about a server's entry.
func (r *Report) about(s *clients.Seen, ru rule, format string, args ...any) {
	r.add(ru.severity, Finding{
		Rule: ru.id, Title: ru.title, Fix: ru.fix, File: s.File, Line: s.Line, Server: s.Original, Project: s.Project,
		Text: gate.Visible(fmt.Sprintf(format, args...)), about: clients.CommandLine(s.Command) + " " + s.URL,
	})
}

// file looks at the file itself, once.
func (r *Report) file(s *clients.Seen, secret bool) {
	if runtime.GOOS == "windows" { // its modes say nothing
		return
	}
	whole := clients.Seen{Server: clients.Server{File: s.File}, Line: 1}
	if s.Mode.Perm()&0o002 != 0 {
		r.about(&whole, ruleOthersWrite, "its mode is %s", octal(s.Mode))
	}
	if secret && s.Mode.Perm()&0o044 != 0 {
		r.about(&whole, ruleOthersRead, "its mode is %s", octal(s.Mode))
	}
}

func octal(m fs.FileMode) string { return fmt.Sprintf("%#o", m.Perm()) }

func (r *Report) entry(s *clients.Seen) {
	if s.LeftOut != "" && s.Command == nil && s.URL == "" {
		r.about(s, ruleBroken, "%s", s.LeftOut)
		return
	}
	if names := credentials(s.Literal); names != "" {
		r.about(s, ruleSecret, "the value of %s stands in the file", names)
	}
	r.command(s)
	r.address(s)
	if s.Approves != "" {
		r.about(s, ruleApproves, "its %s lets the client call tools without asking", s.Approves)
	}
}

func (r *Report) command(s *clients.Seen) {
	if s.Command == nil {
		return
	}
	var other []string
	for _, d := range s.Dangers {
		if d.Kind == clients.RiskOther {
			other = append(other, d.What)
			continue
		}
		r.about(s, ruleOf(d.Kind), "%s", d.What)
	}
	if len(other) > 0 {
		r.about(s, ruleDanger, "%s", strings.Join(other, "; "))
	}
	for _, f := range fetched.By(s.Command) {
		if f.How != fetched.Exactly {
			r.about(s, ruleUnpinned, "it runs %s", f.Text)
		}
	}
}

// ruleOf is the rule that a danger of this kind breaks.
func ruleOf(kind clients.Risk) rule {
	switch kind {
	case clients.RiskRights:
		return rulePrivileged
	case clients.RiskDownload:
		return ruleDownload
	case clients.RiskSecret:
		return ruleSecretWord
	case clients.RiskSteered:
		return ruleSteered
	case clients.RiskPlain:
		return ruleHTTP
	case clients.RiskPlainArgument:
		return ruleHTTPArgument
	case clients.RiskUnverified:
		return ruleUnverified
	case clients.RiskProxy:
		return ruleProxy
	case clients.RiskExposed:
		return ruleExposed
	case clients.RiskOther:
	}
	return ruleDanger
}

func (r *Report) address(s *clients.Seen) {
	if s.URL == "" {
		return
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return
	}
	if (u.Scheme == "http" || u.Scheme == "ws") && !loopback.Host(u.Hostname()) {
		r.about(s, ruleHTTP, "%s", s.URL)
	}
	if s.Query {
		r.about(s, ruleQuery, "%s has more than a path", s.URL)
	}
}

// credentials are those of the names that a credential has, joined; empty for none.
func credentials(names []string) string {
	re := regexp.MustCompile(`(?i)(token|secret|passw(or)?d|passphrase|api_?-?key|(^|[_-])key($|[_-])|apikey|credential|authorization|bearer|(^|[_-])auth($|[_-])|(^|[_-])pat($|[_-])|cookie|private|dsn|connection_?string|database_url)`)
	var found []string
	for _, n := range names {
		if re.MatchString(n) {
			found = append(found, n)
		}
	}
	return strings.Join(found, ", ")
}

// twice tells of servers of one name that two files start in different ways.
func (r *Report) twice(all []clients.Seen) {
	first := map[string]*clients.Seen{}
	for i := range all {
		s := &all[i]
		was, ok := first[s.Original]
		if !ok {
			first[s.Original] = s
			continue
		}
		if was.File != s.File && (!slices.Equal(was.Command, s.Command) || was.URL != s.URL) {
			r.about(s, ruleTwice, "%s has another server of this name", was.File)
		}
	}
}
