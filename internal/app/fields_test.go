package app_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// A call is on record with its trace, the time of its stages and of its upstream, and
// the arguments that audit.fields names as it says; a hash finds it.
func TestACallIsOnRecordWhole(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.Script{Tools: []json.RawMessage{loose("echo")}})
	h := &house{t: t, up: up, GW: gatetest.Gateway(t, houseRoles+"audit: {fields: {up/echo: {customer: hashed, /deep/pin: none, sql: plain}}}\n", map[string]*gatetest.UP{"up": up})}
	h.Approve("")
	c := h.As("alice", "reader").Open(eras[0])
	const traceparent, other = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-af7651916cd43dd8448eb211c80319c6-b7ad6b7169203331-00"
	arguments := `{"customer":4711,"deep":{"pin":"` + spoken + `"},"sql":"select 1"}`
	r := c.Call("up__echo", arguments, "Traceparent", traceparent)
	body := c.Request("2", "tools/call", `"name":"up__echo","arguments":{},"_meta":{"traceparent":"`+other+`"}`)
	meta, bad := c.Post(body, "Traceparent", traceparent), c.Call("up__echo", "{}", "Traceparent", "00-0")
	for of, want := range map[*gatetest.Reply]string{r: traceparent[3:35], meta: other[3:35], bad: ""} {
		if !of.OK() {
			t.Fatal(of)
		}
		all := h.Records(audit.Query{Exchange: of.Exchange})
		intent, outcome := all[0], all[1]
		if got := hex.EncodeToString(intent.Trace[:]); want != "" && got != want || intent.Trace != outcome.Trace || intent.Trace == [16]byte{} || (intent.Parent != [8]byte{}) != (want != "") {
			t.Errorf("the trace is %s under %x, want %s", got, intent.Parent, want)
		}
		if intent.Span == [8]byte{} || outcome.UpstreamTime <= 0 || outcome.UpstreamTime > outcome.Duration {
			t.Errorf("span %x, %v of %v upstream", intent.Span, outcome.UpstreamTime, outcome.Duration)
		}
		stages := ""
		for _, s := range outcome.Stages {
			stages += " " + s.Name
		}
		if !strings.Contains(stages, " identify") || !strings.Contains(stages, " record") {
			t.Errorf("the stages are%s", stages)
		}
	}
	made, err := h.App.HashField(t.Context(), "somebody", admin.FieldValue{Value: json.RawMessage("4711")})
	if err != nil {
		t.Fatal(err)
	}
	found := h.Records(audit.Query{Hash: made.Hash})
	if len(found) != 1 || found[0].Exchange != r.Exchange || len(found[0].Fields) != 3 {
		t.Errorf("by its hash: %+v", found)
	}
	if asked := h.Records(audit.Query{Event: "audit.hash"}); len(asked) != 1 || asked[0].Actor != "somebody" || strings.Contains(asked[0].Detail, "4711") {
		t.Errorf("who asked for the hash: %+v", asked)
	}
	list, err := h.App.Calls(t.Context(), "test", admin.CallQuery{Exchange: r.Exchange})
	if err != nil || len(list.Calls) != 1 || list.Calls[0].Kept || list.Calls[0].Arguments != nil {
		t.Errorf("a call of which something was left out: %+v, %v", list, err)
	}
	opened, err := h.App.Reveal(t.Context(), "test", admin.Sealed{Log: "audit", Lines: []string{string(found[0].AppendJSON(nil))}})
	if want := `"plain":"{\"customer\":null,\"deep\":{\"pin\":null},\"sql\":\"select 1\"}"`; err != nil || !strings.Contains(opened[0], want) {
		t.Errorf("opened: %s, %v", opened, err)
	}
}
