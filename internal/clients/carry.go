package clients

import (
	"maps"
	"slices"
	"strings"

	"doorward/internal/config"
	"doorward/internal/launch"
)

// carry collects the variables that Doorward reads its secrets from, with the
// values that servers have in the client's file. A client that starts Doorward
// instead of them gives it these: they stay in the file that they are in.
type carry struct {
	request *Request
	servers map[string]any    // of the client's file, by name
	values  map[string]string // by variable
}

// carry begins with what Doorward's own entry has already.
func (q *Request) carry(servers map[string]any) *carry {
	c := &carry{request: q, servers: servers, values: map[string]string{}}
	own, _ := servers[Name].(map[string]any)
	env, _ := own["env"].(map[string]any)
	for name, v := range env {
		if text, ok := v.(string); ok {
			c.values[name] = text
		}
	}
	return c
}

// take adds what Doorward needs of a server that is taken out. Only a Doorward
// that the client starts gets variables from it.
func (c *carry) take(e *entry) {
	fields, _ := c.servers[e.name].(map[string]any)
	u, ok := serverOf(c.request.Upstreams, e)
	if !ok || c.request.Target.URL != "" {
		return
	}
	env, _ := fields["env"].(map[string]any)
	for variable, secret := range u.Env {
		c.put(secret, env[variable])
	}
	if u.Credential == nil {
		return
	}
	for _, key := range []string{"headers", "http_headers"} {
		headers, _ := fields[key].(map[string]any)
		for name, v := range headers {
			text, _ := v.(string)
			switch {
			case u.Credential.Bearer != "" && strings.EqualFold(name, "Authorization"):
				if scheme, token, ok := strings.Cut(strings.TrimSpace(text), " "); ok && strings.EqualFold(scheme, "Bearer") {
					c.put(u.Credential.Bearer, strings.TrimSpace(token))
				}
			case u.Credential.Value != "" && strings.EqualFold(name, u.Credential.Header):
				c.put(u.Credential.Value, text)
			}
		}
	}
}

// put keeps the value of a secret that is read from a variable.
func (c *carry) put(secret string, value any) {
	text, ok := value.(string)
	variable, fromEnv := strings.CutPrefix(c.request.Secrets[secret].From, "env:")
	if launch.ChangesCode(variable) || steers(variable) {
		return
	}
	if _, had := c.values[variable]; ok && fromEnv && text != "" && !had && len(c.values) < maxNamed {
		c.values[variable] = text
	}
}

// fields are the variables as an entry has them, by name.
func (c *carry) fields() []field {
	if c.request.Target.URL != "" {
		return nil
	}
	var all []field
	for _, name := range slices.Sorted(maps.Keys(c.values)) {
		all = append(all, field{name, c.values[name]})
	}
	return all
}

// missing are the variables that a Doorward which the client starts needs, and
// does not have from its entry.
func (c *carry) missing() []string {
	if c.request.Target.URL != "" {
		return nil
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(c.request.Secrets)) {
		s := c.request.Secrets[name]
		variable, fromEnv := strings.CutPrefix(s.From, "env:")
		if _, had := c.values[variable]; fromEnv && s.Required && !had {
			names = append(names, variable)
		}
	}
	return names
}

// serverOf is the upstream that is the entry's server.
func serverOf(upstreams map[string]config.Upstream, e *entry) (config.Upstream, bool) {
	for _, name := range slices.Sorted(maps.Keys(upstreams)) {
		u := upstreams[name]
		if e.kind == "stdio" && u.Command != nil && slices.Equal(u.Command, e.command) || e.url != "" && u.URL == e.url {
			return u, true
		}
	}
	return config.Upstream{}, false
}
