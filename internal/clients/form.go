package clients

import (
	"fmt"

	"doorward/internal/config"
)

// Target is the Doorward that a client is pointed at: a program to start, or a
// URL. Exactly one is set.
type Target struct {
	Command []string // program and arguments
	URL     string
}

// form is Doorward's entry as the client writes one, and the prompt for its key
// where the client has prompts.
func (c *Client) form(t Target) (put, input []field, err error) {
	if t.URL == "" {
		if c.typed {
			put = append(put, field{"type", "stdio"})
		}
		return append(put, field{"command", t.Command[0]}, field{"args", t.Command[1:]}), nil, nil
	}
	h := c.http
	if h == nil {
		return nil, nil, fmt.Errorf("%s reaches no server by URL from its file; install it without --http and --url, and it starts Doorward itself", c.Title)
	}
	if h.typeValue != "" {
		put = append(put, field{"type", h.typeValue})
	}
	put = append(put, field{h.urlKey, t.URL})
	if h.bearerKey != "" {
		put = append(put, field{h.bearerKey, keyVariable})
	}
	if h.reference != "" {
		put = append(put, field{"headers", []field{{"Authorization", "Bearer " + h.reference}}})
	}
	if h.input {
		input = []field{{"type", "promptString"}, {"id", keyInput}, {"description", "Key for Doorward (doorward key create)"}, {"password", true}}
	}
	return put, input, nil
}

// advice is what remains for the user to do after an install.
func (c *Client) advice(t Target) []string {
	if t.URL == "" {
		return nil
	}
	switch h := c.http; {
	case h.input:
		return []string{c.Title + " asks for the key and keeps it: make one with doorward key create " + c.Name}
	case h.reference != "" || h.bearerKey != "":
		return []string{fmt.Sprintf("%s reads the key from %s: make one with doorward key create %s, and set the variable where %s is started", c.Title, keyVariable, c.Name, c.Title)}
	}
	return []string{fmt.Sprintf(`%s cannot read a key from elsewhere: make one with doorward key create %s, add "headers": {"Authorization": "Bearer KEY"} to the entry by hand, and keep the file private; or install without --http`, c.Title, c.Name)}
}

// serves tells whether one of the upstreams is the entry's server.
func serves(upstreams map[string]config.Upstream, e *entry) bool {
	_, ok := serverOf(upstreams, e)
	return ok
}
