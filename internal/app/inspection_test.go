package app_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// TestAnswersAreInspected: what a client answers to a question of an upstream's leaves
// like arguments do: a canary in it goes nowhere, and is an incident.
func TestAnswersAreInspected(t *testing.T) {
	t.Parallel()
	const canary = "tea-kettle-4711-lantern"
	gw := gatetest.Gateway(t, fmt.Sprintf(`
upstreams: {sdk: {url: "%s"}}
roles: {user: {allow: [{tools: ["sdk/*"]}]}}`, gatetest.SDKServer(t, false)), nil)
	gw.Approve("sdk")
	gw.Plant("vault", canary)
	for _, name := range []string{"see " + canary, "nothing"} {
		session := gw.SDKClient(gw.Key("alice-"+name[:3], "user"), &mcp.ClientOptions{
			ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
				return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"name": name}}, nil
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		answer := make(chan string, 1)
		go func() {
			res, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "sdk__ask", Arguments: map[string]any{}})
			answer <- said(res, err)
		}()
		if name == "nothing" {
			if got := <-answer; got != "accept" {
				t.Errorf("an honest answer: %s", got)
			}
			continue
		}
		eventually(t, "an incident", func() bool { return len(gw.Records(audit.Query{Event: "incident.canary"})) > 0 })
		cancel()
		if got := <-answer; got == "accept" {
			t.Error("the answer reached the upstream")
		}
	}
}
