package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/gatetest"
)

// A client that is connected hears that its list changed when a person approves
// what was held, whichever era it and the server speak.
func TestApprovalIsAnnounced(t *testing.T) {
	t.Parallel()
	for name, stateless := range map[string]bool{"stateful server": false, "stateless server": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gw := gatetest.Gateway(t, `upstreams: {sdk: {url: "`+gatetest.SDKServer(t, stateless)+`"}}`, nil)
			changed := make(chan struct{}, 8)
			session := gw.SDKClient(gw.Key("alice"), &mcp.ClientOptions{
				ToolListChangedHandler: func(context.Context, *mcp.ToolListChangedRequest) { changed <- struct{}{} },
			})
			list, err := session.ListTools(t.Context(), nil)
			if err != nil || len(list.Tools) != 0 {
				t.Fatalf("before: %v, %v", list, err)
			}
			gw.Approve("sdk")
			select {
			case <-changed:
			case <-time.After(limit):
				t.Fatal("nobody told the client")
			}
			if list, err = session.ListTools(t.Context(), nil); err != nil || len(list.Tools) == 0 {
				t.Errorf("after: %v, %v", list, err)
			}
		})
	}
}
