package parts_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

// callback is where browsers are sent with the answer of the authorization server;
// nobody listens there.
const callback = "http://127.0.0.1:1/callback"

// signedIn is what a client saw that had to sign in, and then to ask for more.
type signedIn struct {
	Version string   `json:"version"`
	Clients []string `json:"clients"` // client_ids that it registered
	Scopes  []string `json:"scopes"`  // that it asked for, each time
	Before  int      `json:"before"`  // tools that it was shown at first
	Answer  string   `json:"answer"`  // of the tool
	After   int      `json:"after"`   // tools that it was shown then; in the stateless era it may keep the list
}

func (s *signedIn) check(t *testing.T, g *gateway, version, issuer string) {
	t.Helper()
	if s.Version != version {
		t.Errorf("version %q, want %s", s.Version, version)
	}
	if s.Answer != "echo of me" || s.Before != 0 || s.After == 0 && version == stateful {
		t.Errorf("%+v, want no tool before and some after, and the answer of one", s)
	}
	if len(s.Scopes) != 2 || s.Scopes[0] != readScope || !slices.Contains(strings.Fields(s.Scopes[1]), toolScope) {
		t.Errorf("asked for scopes %q, want %s and then %s", s.Scopes, readScope, toolScope)
	}
	var got []string
	all := g.records("--item", "echo")
	for _, r := range all {
		if p := r.Principal; r.Exchange != "" && p.Subject == "ada" && p.Issuer == issuer && slices.Contains(s.Clients, p.Client) {
			got = append(got, strings.TrimSpace(r.Kind+" "+r.Status+" "+r.Code))
		}
	}
	slices.Sort(got)
	if want := []string{"intent", "outcome ok", "outcome refused identity.scope"}; !slices.Equal(got, want) {
		t.Errorf("of ada by %q there are on record %q, want %q", s.Clients, got, want)
	}
}

// The SDKs' own OAuth clients need nothing but the gateway's URL.
func TestSDKsSignInByThemselves(t *testing.T) {
	t.Parallel()
	const secret = "what only the two know: +/%"
	a := newAuthority(t, asking(secret))
	g := startWith(t, secret, a.guarded(t, asked))
	for _, resource := range []string{g.url, g.url + "/opaque"} {
		name, tool := "signed tokens", "up__echo"
		if strings.HasSuffix(resource, "/opaque") {
			name, tool = "opaque tokens", "echo"
		}
		for _, version := range []string{stateful, stateless} {
			t.Run("Go SDK, "+name+", "+version, func(t *testing.T) {
				t.Parallel()
				goSignsIn(t, resource, tool, version).check(t, g, version, a.url)
			})
		}
		for _, tc := range []struct{ sdk, era, version string }{{"1", "legacy", stateful}, {"2", "legacy", stateful}, {"2", "modern", stateless}} {
			t.Run("TypeScript SDK "+tc.sdk+", "+name+", "+tc.version, func(t *testing.T) {
				t.Parallel()
				script, err := filepath.Abs(filepath.Join("testdata", "oauth.mjs"))
				if err != nil {
					t.Fatal(err)
				}
				r := execute(t, exec.Command(node(t), script, packages(t), tc.sdk, tc.era, resource, tool))
				var s signedIn
				if r.code != 0 || json.Unmarshal([]byte(r.stdout), &s) != nil {
					t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
				}
				s.check(t, g, tc.version, a.url)
			})
		}
	}
}

// goSignsIn is the official SDK's client with a person in front of it.
func goSignsIn(t *testing.T, resource, tool, version string) *signedIn {
	t.Helper()
	var s signedIn
	ada := newPerson(t)
	handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
			ClientName: "go-client", RedirectURIs: []string{callback},
		}},
		AuthorizationCodeFetcher: func(_ context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			asked, err := url.Parse(args.URL)
			if err != nil {
				return nil, err
			}
			s.Scopes = append(s.Scopes, asked.Query().Get("scope"))
			s.Clients = append(s.Clients, asked.Query().Get("client_id")) // this one registers anew each time
			end, text, err := ada.visit(args.URL, callback)
			if err != nil {
				return nil, err
			}
			q := end.Query()
			if q.Get("code") == "" {
				return nil, errors.New("no code came back: " + end.String() + text)
			}
			return &auth.AuthorizationResult{Code: q.Get("code"), State: q.Get("state"), Iss: q.Get("iss")}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := mcp.NewClient(&mcp.Implementation{Name: "go-client", Version: "1"}, nil)
	cs, err := c.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: resource, OAuthHandler: handler}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	defer func() { _ = cs.Close() }()
	s.Version = cs.InitializeResult().ProtocolVersion
	tools := func() int {
		list, err := cs.ListTools(t.Context(), nil)
		if err != nil {
			t.Fatalf("listing tools: %v", err)
		}
		return len(list.Tools)
	}
	s.Before = tools()
	r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: map[string]any{"name": "me"}})
	if err != nil {
		t.Fatalf("calling %s: %v", tool, err)
	}
	s.Answer, s.After = textOf(r), tools()
	return &s
}
