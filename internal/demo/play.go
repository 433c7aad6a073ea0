package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/admin"
)

// client connects a real SDK client to the gateway with the given key.
func (t *tour) client(ctx context.Context, key string) (*mcp.ClientSession, error) {
	c := mcp.NewClient(&mcp.Implementation{Name: "doorward-demo", Version: t.Version}, nil)
	return c.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint:   t.app.URL(),
		HTTPClient: &http.Client{Transport: bearer{key}},
		MaxRetries: -1,
	}, nil)
}

// bearer adds the key to every request.
type bearer struct{ key string }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.key != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+b.key)
	}
	return http.DefaultTransport.RoundTrip(r) //nolint:forbidigo // a client's transport, as a reader's own client would have
}

func (t *tour) stranger(ctx context.Context) error {
	for _, s := range []struct{ what, key string }{
		{"without a key: refused", ""},
		{"with a made-up key: refused, never treated as anonymous", "dw_" + strings.Repeat("A", 43)},
	} {
		session, err := t.client(ctx, s.key)
		if err == nil {
			_ = session.Close()
		}
		t.check(s.what, err != nil && strings.Contains(err.Error(), "nauthorized"), fmt.Sprint(err))
	}
	return nil
}

// names lists the tools that a client of the gateway sees.
func names(ctx context.Context, s *mcp.ClientSession) ([]string, error) {
	var out []string
	for tool, err := range s.Tools(ctx, nil) {
		if err != nil {
			return nil, err
		}
		out = append(out, tool.Name)
	}
	slices.Sort(out)
	return out, nil
}

func (t *tour) withClient(ctx context.Context, do func(*mcp.ClientSession) error) error {
	s, err := t.client(ctx, t.key)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

func (t *tour) firstUse(ctx context.Context) error {
	err := t.withClient(ctx, func(s *mcp.ClientSession) error {
		seen, err := names(ctx, s)
		if err != nil {
			return err
		}
		t.check("before any approval the client sees no tool at all", len(seen) == 0, "")
		return nil
	})
	if err != nil {
		return err
	}
	t.say("\n  doorward trust approve notes")
	t.say("  doorward trust approve weather\n")
	for _, upstream := range []string{"notes", "weather"} {
		if err := t.approve(ctx, upstream); err != nil {
			return err
		}
	}
	return t.withClient(ctx, func(s *mcp.ClientSession) error {
		seen, err := names(ctx, s)
		if err != nil {
			return err
		}
		want := []string{"notes__list_notes", "notes__read_note", "notes__write_note", "weather__get_weather"}
		t.check("after it, what is approved and what the role allows; delete_note is denied, so it is not listed",
			slices.Equal(seen, want), strings.Join(seen, "\n"))
		return nil
	})
}

// approve does what `doorward trust approve UPSTREAM` does.
func (t *tour) approve(ctx context.Context, upstream string) error {
	entries, err := t.app.Entries(ctx, admin.Review{Upstream: upstream, Refresh: true})
	if err != nil {
		return err
	}
	var refs []admin.Ref
	for _, e := range entries {
		if e.State == "held" || e.State == "changed" {
			refs = append(refs, admin.Ref{Upstream: e.Upstream, Kind: e.Kind, Name: e.Name, Digest: e.Digest})
		}
	}
	_, err = t.app.Approve(ctx, "demo", refs)
	return err
}

// try calls a tool and says in one line what came back.
func try(ctx context.Context, s *mcp.ClientSession, tool string, args map[string]any) (ok bool, said string) {
	res, err := s.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		return false, err.Error()
	}
	for _, c := range res.Content {
		if tc, is := c.(*mcp.TextContent); is {
			said += tc.Text
		}
	}
	return !res.IsError, said
}

func (t *tour) calls(ctx context.Context) error {
	return t.withClient(ctx, func(s *mcp.ClientSession) error {
		ok, said := try(ctx, s, "notes__read_note", map[string]any{"name": "shopping"})
		t.check(`notes__read_note {"name":"shopping"}: carried out`, ok, said)
		ok, said = try(ctx, s, "notes__delete_note", map[string]any{"name": "launch"})
		t.check(`notes__delete_note {"name":"launch"}: the role denies it`, !ok, said)
		ok, said = try(ctx, s, "notes__read_note", map[string]any{"name": 7, "path": "/etc/passwd"})
		t.check(`notes__read_note {"name":7,"path":"/etc/passwd"}: not what the approved schema allows`, !ok, said)
		ok, said = try(ctx, s, "calculator__add", map[string]any{"a": 1, "b": 2})
		t.check("calculator__add: never approved", !ok, said)
		return nil
	})
}

func (t *tour) poisoned(ctx context.Context) error {
	d, err := t.app.Detail(ctx, "calculator", "tool", "add")
	if err != nil {
		return err
	}
	t.say("  Without Doorward the model would have read this about \"add\":\n")
	for line := range strings.SplitSeq(poison, "\n") {
		t.say("    | %s", line)
	}
	t.say("\n  doorward trust reject calculator add\n")
	_, err = t.app.Reject(ctx, "demo", []admin.Ref{{Upstream: "calculator", Kind: "tool", Name: "add", Digest: d.Digest}})
	if err != nil {
		return err
	}
	return t.withClient(ctx, func(s *mcp.ClientSession) error {
		seen, err := names(ctx, s)
		if err != nil {
			return err
		}
		t.check("the model never sees it", !slices.Contains(seen, "calculator__add"), "")
		ok, said := try(ctx, s, "calculator__add", map[string]any{"a": 1, "b": 2, "note": "secret"})
		t.check("and a call that guesses its name is refused", !ok, said)
		return nil
	})
}

func (t *tour) changed(ctx context.Context) error {
	return t.withClient(ctx, func(s *mcp.ClientSession) error {
		ok, said := try(ctx, s, "weather__get_weather", map[string]any{"city": "Lisbon"})
		t.check("weather__get_weather works as approved", ok, said)
		t.servers.turn()
		t.say("\n  Now the server swaps the description under the same name. The model would read:\n")
		for line := range strings.SplitSeq(turned, "\n") {
			t.say("    | %s", line)
		}
		t.say("")
		if _, err := t.app.Entries(ctx, admin.Review{Upstream: "weather", Refresh: true}); err != nil {
			return err
		}
		seen, err := names(ctx, s)
		if err != nil {
			return err
		}
		t.check("the changed tool is withheld from the list", !slices.Contains(seen, "weather__get_weather"), "")
		ok, said = try(ctx, s, "weather__get_weather", map[string]any{"city": "Lisbon"})
		t.check("and refused when called", !ok, said)
		d, err := t.app.Detail(ctx, "weather", "tool", "get_weather")
		if err != nil {
			return err
		}
		var diff strings.Builder
		for _, c := range d.Diff {
			fmt.Fprintf(&diff, "%s\n  - %s\n  + %s\n", c.Pointer, c.Before, c.After)
		}
		t.check("doorward trust diff weather shows what changed", d.State == "changed" && len(d.Diff) > 0, diff.String())
		return nil
	})
}

// freeAddress is the usual address when it is free, else any free port.
func freeAddress(ctx context.Context) string {
	var lc net.ListenConfig
	for _, address := range []string{"127.0.0.1:8080", "127.0.0.1:0"} {
		if ln, err := lc.Listen(ctx, "tcp", address); err == nil {
			address = ln.Addr().String()
			_ = ln.Close()
			return address
		}
	}
	return "127.0.0.1:8080"
}
