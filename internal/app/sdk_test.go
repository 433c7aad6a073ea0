package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/gatetest"
)

// The official SDK on both ends, in both eras: the client finds the era that
// the gateway and the server have in common.
func TestSDKOnBothEnds(t *testing.T) {
	t.Parallel()
	for name, stateless := range map[string]bool{"stateful server": false, "stateless server": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := gatetest.SDKServer(t, stateless)
			gw := gatetest.Gateway(t, `upstreams: {sdk: {url: "`+url+`"}}`, nil)
			if n := gw.Approve("sdk"); n == 0 {
				t.Fatal("nothing to approve")
			}
			session := gw.SDKClient(gw.Key("alice"), nil)
			list, err := session.ListTools(t.Context(), nil)
			if err != nil || !slices.ContainsFunc(list.Tools, func(tool *mcp.Tool) bool { return tool.Name == "sdk__echo" }) {
				t.Fatalf("listing: %v, %v", list, err)
			}
			res, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "sdk__echo", Arguments: gatetest.Said{Text: "hello"}})
			if err != nil || res.IsError || len(res.Content) != 1 {
				t.Fatalf("calling: %+v, %v", res, err)
			}
			if text, ok := res.Content[0].(*mcp.TextContent); !ok || text.Text != "hello" {
				t.Errorf("got %+v", res.Content[0])
			}
			res, err = session.CallTool(t.Context(), &mcp.CallToolParams{Name: "sdk__echo", Arguments: map[string]any{"text": 7}})
			if err == nil && !res.IsError {
				t.Errorf("arguments that do not fit: %+v", res)
			}
		})
	}
}

// HTT-27, the other half: while alice is being asked, bob guesses ids and
// answers in her place. Nothing comes of it.
func TestHTT27_AnswerOfAnotherSession(t *testing.T) {
	t.Parallel()
	url := gatetest.SDKServer(t, false)
	gw := gatetest.Gateway(t, `upstreams: {sdk: {url: "`+url+`"}}`, nil)
	gw.Approve("sdk")
	asked, decline := make(chan struct{}), make(chan struct{})
	alice := gw.SDKClient(gw.Key("alice"), &mcp.ClientOptions{
		ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			close(asked)
			<-decline
			return &mcp.ElicitResult{Action: "decline"}, nil
		},
	})
	answer := make(chan string, 1)
	go func() {
		res, err := alice.CallTool(t.Context(), &mcp.CallToolParams{Name: "sdk__ask"})
		answer <- said(res, err)
	}()
	select {
	case <-asked:
	case got := <-answer:
		t.Fatalf("nobody was asked, and the tool said %s", got)
	}
	bob := gw.As("bob").Open("2025-11-25")
	for i := range 20 {
		for _, id := range []string{fmt.Sprint(i), fmt.Sprintf(`"%d"`, i), fmt.Sprintf(`"dw-%d"`, i)} {
			r := bob.Post([]byte(`{"jsonrpc":"2.0","id":` + id + `,"result":{"action":"accept","content":{}}}`))
			if r.Refusal != "answer.unexpected" {
				t.Errorf("answer to %s: %s", id, r)
			}
		}
	}
	close(decline)
	if got := <-answer; got != "decline" {
		t.Errorf("the tool learnt %s", got)
	}
}

// said is the text of a result.
func said(res *mcp.CallToolResult, err error) string {
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, c := range res.Content {
		if text, ok := c.(*mcp.TextContent); ok {
			b.WriteString(text.Text)
		}
	}
	return b.String()
}
