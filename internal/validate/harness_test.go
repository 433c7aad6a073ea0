package validate_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/validate"
)

var (
	_ gate.Stage      = (*validate.Stage)(nil)
	_ gate.ReplyStage = (*validate.Stage)(nil)
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func tool(input, output string) gate.Item {
	raw := `{"name":"t","inputSchema":` + input
	if output != "" {
		raw += `,"outputSchema":` + output
	}
	return item(gate.Tool, raw+"}")
}

func item(kind gate.ItemKind, raw string) gate.Item {
	return gate.Item{Kind: kind, Upstream: "up", Name: "t", Digest: sha256.Sum256([]byte(raw)), Raw: []byte(raw)}
}

// message is what decode would make of a message with these members.
func message(kind gate.MessageKind, members ...string) *gate.Message {
	m := &gate.Message{Kind: kind}
	for i := 0; i < len(members); i += 2 {
		start := len(m.Raw)
		m.Raw = append(m.Raw, members[i+1]...)
		m.Fields = append(m.Fields, gate.Field{Name: members[i], Value: gate.Span{Start: start, End: len(m.Raw)}})
	}
	return m
}

func route(t testing.TB, method string) gate.Route {
	t.Helper()
	r, ok := mcp.Lookup(method)
	if !ok {
		t.Fatalf("no row for %s", method)
	}
	return r
}

func call(t testing.TB, it gate.Item, args string) *gate.Exchange {
	t.Helper()
	method := "tools/call"
	if it.Kind == gate.Prompt {
		method = "prompts/get"
	}
	ex := &gate.Exchange{Target: gate.Target{Item: &it}}
	ex.Call.Route, ex.Call.Era, ex.Call.Item = route(t, method), gate.Stateful, it.Kind
	ex.Call.Message = message(gate.Request, "name", `"t"`)
	if args != "" {
		ex.Call.Message = message(gate.Request, "name", `"t"`, "arguments", args)
	}
	return ex
}

func judge(t testing.TB, ex *gate.Exchange) gate.Verdict {
	t.Helper()
	v, err := validate.New(quiet()).Judge(t.Context(), ex)
	if err != nil {
		t.Fatalf("Judge: %v", err)
	}
	if (v.Effect == gate.Continue) != (v.Code == "") {
		t.Fatalf("verdict %+v", v)
	}
	if len(v.Public) > 1024 {
		t.Errorf("the public text has %d bytes", len(v.Public))
	}
	return v
}

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// doubling is a chain of n definitions, each of which refers to the next twice.
func doubling(n int) string {
	var b bytes.Buffer
	b.WriteString(`{"$ref":"#/$defs/d0","$defs":{`)
	for i := range n {
		fmt.Fprintf(&b, `"d%d":{"anyOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, i+1, i+1)
	}
	fmt.Fprintf(&b, `"d%d":{"required":["x"]}}}`, n)
	return b.String()
}

// chain is n definitions, each of which refers to the next.
func chain(n int) string {
	var b bytes.Buffer
	b.WriteString(`{"$ref":"#/$defs/d0","$defs":{`)
	for i := range n {
		fmt.Fprintf(&b, `"d%d":{"allOf":[{"$ref":"#/$defs/d%d"}]},`, i, i+1)
	}
	fmt.Fprintf(&b, `"d%d":{}}}`, n)
	return b.String()
}
