package clients

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"doorward/internal/config"
	"doorward/internal/launch"
)

// naming gives names to upstreams, secrets and variables.
type naming struct {
	im        *Import
	variables map[string]use
}

// use is a variable, and what it stands for.
type use struct {
	secret string
	of     setting
}

// reserve keeps for references the variables that they refer to: a value that
// is to be set anew can have another.
func (n *naming) reserve(groups [][]entry) {
	for _, group := range groups {
		for _, e := range group {
			for _, v := range slices.Concat(e.env, e.headers) {
				if v.variable != "" && config.GoodVariable(v.variable) && !launch.ChangesCode(v.variable) {
					n.named(v.variable, v)
				}
			}
		}
	}
}

// named is the secret's name for a variable, which is given one if it has none.
func (n *naming) named(variable string, v setting) string {
	if u, ok := n.variables[variable]; ok {
		return u.secret
	}
	taken := map[string]bool{}
	for _, u := range n.variables {
		taken[u.secret] = true
	}
	name := free(secretName(variable), taken)
	n.variables[variable] = use{secret: name, of: v}
	return name
}

// take makes an upstream and its secrets of an entry.
func (n *naming) take(e *entry, s *Server) {
	s.Name = free(upstreamName(e.name), n.im.Upstreams)
	u := config.Upstream{Command: e.command, URL: e.url}
	added := map[string]config.Secret{}
	switch e.kind {
	case "sse":
		u.Transport = "sse"
	case "ws":
		s.Transport = "websocket"
	}
	s.Transport = cmp.Or(s.Transport, u.Transport)
	if e.kind == "stdio" {
		u.Sandbox = config.Imported(e.command[0], worksOn(e.command))
		u.Env = n.environment(e, s, added)
		for _, d := range e.dangers() {
			s.Dangers = appendNew(s.Dangers, d.What)
		}
	} else {
		u.Credential = n.credential(e, s, added)
		if q, err := url.Parse(e.url); err == nil && regexp.MustCompile(`(?i)(key|token|secret|password|auth)[^=&]*=`).MatchString(q.RawQuery) {
			e.warn("has a URL that seems to hold a secret; it is in the new file too, so keep that file private")
		}
	}
	one := config.First(map[string]config.Upstream{s.Name: u}, added)
	if _, err := config.Parse(filepath.Join(string(filepath.Separator), "doorward.yaml"), one); err != nil {
		s.LeftOut, s.Name, s.Variables, s.Dangers = reason(err), "", nil, nil
		return
	}
	n.im.Upstreams[s.Name] = u
	maps.Copy(n.im.Secrets, added)
	s.Warnings = e.warnings
}

// reason is why an entry makes no configuration. Faults do not quote values.
func reason(err error) string {
	if faults, ok := errors.AsType[config.Faults](err); ok && len(faults) > 0 {
		return "it makes no valid upstream: " + faults[0].Text
	}
	return "it makes no valid upstream"
}

func (n *naming) environment(e *entry, s *Server, added map[string]config.Secret) map[string]string {
	var env map[string]string
	var left []string
	for _, v := range e.env {
		switch {
		case !config.GoodVariable(v.name):
			e.warn("sets a variable whose name no system takes, which is left out")
			continue
		case launch.ChangesCode(v.name):
			left = append(left, v.name)
			continue
		}
		if env == nil {
			env = map[string]string{}
		}
		env[v.name] = n.secret(s, v, v.name, added)
	}
	if len(left) > 0 {
		e.warn("sets %s, left out here: that would change which code is run", strings.Join(left, ", "))
	}
	return env
}

// credential takes over the one header that can be, the Authorization if there
// are several.
func (n *naming) credential(e *entry, s *Server, added map[string]config.Secret) *config.Credential {
	var chosen *setting
	var other []string
	for i, h := range e.headers {
		switch {
		case config.BadHeader(h.name) != "":
			other = append(other, h.name)
		case chosen == nil:
			chosen = &e.headers[i]
		case strings.EqualFold(h.name, "Authorization") && !strings.EqualFold(chosen.name, "Authorization"):
			other = append(other, chosen.name)
			chosen = &e.headers[i]
		default:
			other = append(other, h.name)
		}
	}
	if len(other) > 0 {
		e.warn("sends the headers %s too, which are not sent here", strings.Join(other, ", "))
	}
	switch {
	case chosen == nil:
		return nil
	case chosen.bearer:
		return &config.Credential{Bearer: n.secret(s, *chosen, upper(s.Name)+"_TOKEN", added)}
	}
	return &config.Credential{Header: chosen.name, Value: n.secret(s, *chosen, upper(s.Name)+"_"+upper(chosen.name), added)}
}

// secret is the name of the secret for a setting. Its variable is the one that
// the setting refers to, or one of the given name; where that already stands for
// something else, the server's name is put before it. It is never one that would
// change which code Doorward itself runs, whatever the client's file says.
func (n *naming) secret(s *Server, v setting, variable string, added map[string]config.Secret) string {
	if launch.ChangesCode(v.variable) {
		v.variable = "" // its value is to be set anew, under another name
	}
	if v.variable != "" {
		variable = v.variable
	}
	variable = harmless(variable)
	alike := func(o setting) bool {
		return v.variable != "" && o.variable == v.variable || v.variable == "" && o.variable == "" && o.digest == v.digest
	}
	for i := 2; ; i++ {
		old, ok := n.variables[variable]
		if !ok || alike(old.of) {
			break
		}
		variable = upper(s.Name) + "_" + strings.TrimPrefix(variable, upper(s.Name)+"_")
		if i > 2 {
			variable = fmt.Sprintf("%s_%d", variable, i)
		}
		variable = harmless(variable)
	}
	name := n.named(variable, v)
	added[name] = config.Secret{From: "env:" + variable, Required: true, Type: "string"}
	s.Variables = appendNew(s.Variables, variable)
	return name
}

// harmless is a variable's name, or another where it would change what code runs,
// or how Doorward does.
func harmless(variable string) string {
	if launch.ChangesCode(variable) || steers(variable) {
		return "X_" + variable
	}
	return variable
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
