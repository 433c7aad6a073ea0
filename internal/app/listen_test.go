package app_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// TestListenHonoursWhatMayBeRead: a subscription is acknowledged for the
// resources that the principal may read, and for no others.
func TestListenHonoursWhatMayBeRead(t *testing.T) {
	nothing := func(context.Context, *mcp.SubscribeRequest) error { return nil }
	undo := func(context.Context, *mcp.UnsubscribeRequest) error { return nil }
	s := mcp.NewServer(&mcp.Implementation{Name: "docs", Version: "1"}, &mcp.ServerOptions{SubscribeHandler: nothing, UnsubscribeHandler: undo})
	for _, uri := range []string{"docs://open", "docs://closed"} {
		s.AddResource(&mcp.Resource{URI: uri, Name: uri}, func(context.Context, *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
			return &mcp.ReadResourceResult{}, nil
		})
	}
	server := httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{Stateless: true}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	gw := gatetest.Gateway(t, `
roles: {reader: {allow: [{resources: ["docs://**"]}], deny: [{resources: ["docs://closed"]}]}}
upstreams: {docs: {url: "`+server.URL+`"}}
`, nil)
	gw.Approve("docs")
	c := gw.As("alice", "reader").Open("2026-07-28")
	events := watch(t, gw, c, "1", `{"resourceSubscriptions":["docs://open","docs://closed"]}`)
	if got := next(t, events); got.Method != acknowledged || !strings.Contains(got.raw, "docs://open") || strings.Contains(got.raw, "docs://closed") {
		t.Errorf("got %s", got.raw)
	}
	gw.Revoke("alice") // ends the stream within seconds: nothing else came on it
	for got := range events {
		if got.Method == acknowledged || strings.Contains(got.raw, "docs://closed") {
			t.Errorf("got %s", got.raw)
		}
	}
}

// TestFailedActIsOnRecordAsFailed: the record of an operator's act does not say
// that it was done when it was not.
func TestFailedActIsOnRecordAsFailed(t *testing.T) {
	gw := gatetest.Gateway(t, "upstreams: {}\n", nil)
	gw.Key("alice")
	if _, err := gw.App.CreateKey(t.Context(), "me", admin.KeyRequest{Name: "alice"}); err == nil {
		t.Fatal("a second live key of the same name was made")
	}
	var got []string
	for _, r := range gw.Records(audit.Query{Kind: audit.KindEvent}) {
		if r.Event == "key.create" {
			got = append(got, r.Status)
		}
	}
	if strings.Join(got, " ") != "begun begun failed" {
		t.Errorf("got %q", got)
	}
}
