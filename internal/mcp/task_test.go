package mcp_test

import (
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

const declaresTasks = `{"extensions":{"io.modelcontextprotocol/tasks":{}}}`

// about is the exchange of a request in a version.
func about(t *testing.T, version, method, params string) *gate.Exchange {
	t.Helper()
	ex := &gate.Exchange{Call: gate.Call{Message: client(t, `{"jsonrpc":"2.0","id":1,"method":"`+method+`","params":`+params+`}`), Version: version, Era: mcp.EraOf(version)}}
	ex.Call.Route, _ = mcp.Lookup(method)
	return ex
}

const (
	asTask = `{"name":"t","task":{"ttl":60000}}`
	plain  = `{"name":"t"}`
	taskID = `{"taskId":"shown"}`
)

func TestMakesTask(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		version, method, params, result string
		want                            bool
		fault                           string
		ttl                             time.Duration // −1: none
	}{
		{mcp.V20251125, "tools/call", asTask, `{"task":{"taskId":"a","ttl":1500}}`, true, "", 1500 * time.Millisecond},
		{mcp.V20251125, "tools/call", asTask, `{"task":{"taskId":"a","ttl":null}}`, true, "", -1},
		{mcp.V20251125, "tools/call", asTask, `{"task":{"taskId":"a","ttl":1e300}}`, true, "", -1},
		{mcp.V20251125, "tools/call", asTask, `{"task":{"taskId":"a","ttl":-5}}`, true, "", 0},
		{mcp.V20251125, "tools/call", asTask, `{"task":{"taskId":"a","ttl":"1"}}`, true, "", -1},
		{mcp.V20251125, "tools/call", asTask, `{"task":{"taskId":""}}`, true, "taskId", -1},
		{mcp.V20251125, "tools/call", asTask, `{"task":{"taskId":1}}`, true, "taskId", -1},
		{mcp.V20251125, "tools/call", asTask, `{"task":7}`, true, "taskId", -1},
		{mcp.V20251125, "tools/call", asTask, `{"task":{"taskId":"a"},"content":[]}`, true, "content", -1},
		{mcp.V20251125, "tools/call", asTask, `{"task":{"taskId":"a"},"structuredContent":{}}`, true, "structuredContent", -1},
		{mcp.V20251125, "tools/call", asTask, `{"content":[]}`, false, "", -1},
		{mcp.V20251125, "tools/call", plain, `{"task":{"taskId":"a"}}`, false, "", -1},
		{mcp.V20251125, "tools/call", `{"name":"t","task":null}`, `{"task":{"taskId":"a"}}`, false, "", -1},
		{mcp.V20250618, "tools/call", asTask, `{"task":{"taskId":"a"}}`, false, "", -1},
		{mcp.V20251125, "prompts/get", asTask, `{"task":{"taskId":"a"}}`, false, "", -1},
		{mcp.V20251125, "tasks/get", taskID, `{"taskId":"a","ttl":1}`, false, "", -1},
		{mcp.V20260728, "tools/call", plain, `{"resultType":"task","taskId":"a","ttlMs":7}`, true, "", 7 * time.Millisecond},
		{mcp.V20260728, "tools/call", asTask, `{"resultType":"complete","task":{"taskId":"a"}}`, false, "", -1},
	} {
		ex, m := about(t, tc.version, tc.method, tc.params), upstream(t, result(tc.result))
		if got := mcp.MakesTask(ex, m); got != tc.want {
			t.Errorf("%s %s %s: makes a task: %v", tc.version, tc.params, tc.result, got)
		}
		ttl, ok := mcp.TaskTTL(ex, m)
		if ok != (tc.ttl >= 0) || ok && ttl != tc.ttl {
			t.Errorf("%s: kept for %v, %v", tc.result, ttl, ok)
		}
		if ex.Call.Era == gate.Stateless {
			continue
		}
		if why := mcp.CheckTask(ex, m); (why == "") != (tc.fault == "") || !strings.Contains(why, tc.fault) {
			t.Errorf("%s: fault %q, want one of %q", tc.result, why, tc.fault)
		}
	}
}

func TestCheckResultOfTasks(t *testing.T) {
	t.Parallel()
	const asks = `"inputRequests":{"a":{"method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}}`
	for _, tc := range []struct {
		method, capabilities, result string
		good                         bool
	}{
		{"tools/call", declaresTasks, `{"resultType":"task","taskId":"a","status":"working"}`, true},
		{"tools/call", `{}`, `{"resultType":"task","taskId":"a"}`, false},
		{"tools/call", `{"extensions":{}}`, `{"resultType":"task","taskId":"a"}`, false},
		{"tools/call", `{"tasks":{}}`, `{"resultType":"task","taskId":"a"}`, false},
		{"tools/call", declaresTasks, `{"resultType":"task"}`, false},
		{"tools/call", declaresTasks, `{"resultType":"task","taskId":"a","content":[]}`, false},
		{"tools/call", declaresTasks, `{"resultType":"task","taskId":"a","structuredContent":1}`, false},
		{"tools/call", declaresTasks, `{"resultType":"task","taskId":"a",` + asks + `}`, false},
		{"prompts/get", declaresTasks, `{"resultType":"task","taskId":"a"}`, false},
		{"tasks/get", declaresTasks, `{"resultType":"task","taskId":"a"}`, false},
		{"tasks/get", declaresTasks, `{"resultType":"input_required","requestState":"x"}`, false},
		{"tasks/get", `{"elicitation":{}}`, `{"resultType":"complete","taskId":"a","status":"input_required",` + asks + `}`, true},
		{"tasks/get", `{"sampling":{}}`, `{"resultType":"complete","taskId":"a","status":"input_required",` + asks + `}`, false},
		{"tasks/cancel", `{"elicitation":{}}`, `{"resultType":"complete",` + asks + `}`, false},
		{"tasks/cancel", `{}`, `{"resultType":"complete"}`, true},
	} {
		r, _ := mcp.Lookup(tc.method)
		if why := mcp.CheckResult(r, upstream(t, result(tc.result)), []byte(tc.capabilities)); (why == "") != tc.good {
			t.Errorf("%s %s of a client with %s: %q", tc.method, tc.result, tc.capabilities, why)
		}
	}
}

func TestToolResultOf(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		version, method, params, result string
		content                         string
		failed, there                   bool
	}{
		{mcp.V20251125, "tools/call", plain, `{"structuredContent":{"a":1}}`, `{"a":1}`, false, true},
		{mcp.V20251125, "tools/call", asTask, `{"task":{"taskId":"a"}}`, "", false, false},
		{mcp.V20251125, "tools/call", asTask, `{"isError":true}`, "", true, true},
		{mcp.V20251125, "tasks/result", taskID, `{"structuredContent":[1]}`, `[1]`, false, true},
		{mcp.V20251125, "tasks/result", taskID, `{"content":[]}`, "", false, true},
		{mcp.V20251125, "tasks/get", taskID, `{"taskId":"a","status":"completed"}`, "", false, false},
		{mcp.V20251125, "tasks/get", taskID, `{"taskId":"a","result":{"structuredContent":2}}`, "2", false, true},
		{mcp.V20260728, "tasks/get", taskID, `{"taskId":"a","result":{"isError":true,"structuredContent":2}}`, "2", true, true},
		{mcp.V20260728, "tasks/get", taskID, `{"taskId":"a","result":[]}`, "", false, true},
		{mcp.V20260728, "tools/call", plain, `{"resultType":"input_required"}`, "", false, false},
		{mcp.V20260728, "tools/call", plain, `{"resultType":"task","taskId":"a","structuredContent":1}`, "", false, false},
		{mcp.V20260728, "prompts/get", plain, `{"structuredContent":1}`, "", false, false},
	} {
		got, ok := mcp.ToolResultOf(about(t, tc.version, tc.method, tc.params), upstream(t, result(tc.result)))
		if ok != tc.there || ok && (string(got.Content) != tc.content || got.Failed != tc.failed) {
			t.Errorf("%s %s: %s, %v, %v", tc.method, tc.result, got.Content, got.Failed, ok)
		}
	}
}

func TestTaskCapabilities(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		era            gate.Era
		raw            string
		calls, cancels bool
	}{
		{gate.Stateful, `{"tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}}`, true, true},
		{gate.Stateful, `{"tasks":{"requests":{"tools":{"call":{}}}}}`, true, false},
		{gate.Stateful, `{"tasks":{"cancel":{},"requests":{"tools":{}}}}`, false, false},
		{gate.Stateful, `{"tasks":{"requests":{"tools":{"call":true}}}}`, false, false},
		{gate.Stateful, declaresTasks, false, false},
		{gate.Stateless, declaresTasks, true, true},
		{gate.Stateless, `{"extensions":{"io.modelcontextprotocol/tasks":true}}`, false, false},
		{gate.Stateless, `{"tasks":{"requests":{"tools":{"call":{}}}}}`, false, false},
	} {
		if calls, cancels := mcp.OffersTasks(tc.era, []byte(tc.raw)); calls != tc.calls || cancels != tc.cancels {
			t.Errorf("%s %s: %v, %v", tc.era, tc.raw, calls, cancels)
		}
	}
	for _, tc := range []struct{ got, want string }{
		{string(mcp.WithTasks(gate.Stateful, []byte(`{"tools":{}}`), true)), `{"tools":{},"tasks":{"cancel":{},"requests":{"tools":{"call":{}}}}}`},
		{string(mcp.WithTasks(gate.Stateful, []byte(`{}`), false)), `{"tasks":{"requests":{"tools":{"call":{}}}}}`},
		{string(mcp.WithTasks(gate.Stateless, []byte(`{"tools":{}}`), true)), `{"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}`},
		{string(mcp.ForwardedWithTasks([]byte(`{"roots":{},"extensions":{"a/b":{},"io.modelcontextprotocol/tasks":{"x":1}}}`))), `{"roots":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}`},
		{string(mcp.ForwardedWithTasks([]byte(`{"extensions":{"a/b":{}}}`))), `{}`},
	} {
		if tc.got != tc.want {
			t.Errorf("got  %s\nwant %s", tc.got, tc.want)
		}
	}
}

func TestShowTasks(t *testing.T) {
	t.Parallel()
	const related = `"_meta": {"v":1.0,"io.modelcontextprotocol/related-task":{"x":2 , "taskId":"%"}}`
	note := func(params string) string {
		return `{"jsonrpc":"2.0","method":"notifications/tasks/status","params":` + params + `}`
	}
	for _, tc := range []struct {
		name                    string
		version, method, params string // method empty: outside any call
		message                 string // % is the upstream's id
		want                    string // % is the client's; empty: dropped; "error"
	}{
		{"made", mcp.V20251125, "tools/call", asTask, result(`{"task": {"ttl":1.0, "taskId": "%"},"x":9007199254740993}`), result(`{"task": {"ttl":1.0, "taskId": "%"},"x":9007199254740993}`)},
		{"made, stateless", mcp.V20260728, "tools/call", plain, result(`{"taskId": "%","resultType":"task"}`), result(`{"taskId": "%","resultType":"task"}`)},
		{"made and related", mcp.V20251125, "tools/call", asTask, result(`{"task":{"taskId":"%"},` + related + `}`), result(`{"task":{"taskId":"%"},` + related + `}`)},
		{"state", mcp.V20251125, "tasks/get", taskID, result(`{"taskId":"\u0075p"}`), result(`{"taskId":"%"}`)},
		{"state of another", mcp.V20251125, "tasks/get", taskID, result(`{"taskId":"other"}`), "error"},
		{"state of none", mcp.V20251125, "tasks/get", taskID, result(`{"taskId":7}`), "error"},
		{"acknowledged", mcp.V20260728, "tasks/cancel", taskID, result(`{"resultType":"complete"}`), result(`{"resultType":"complete"}`)},
		{"result of it", mcp.V20251125, "tasks/result", taskID, result(`{"content":[],` + related + `}`), result(`{"content":[],` + related + `}`)},
		{"result of another", mcp.V20251125, "tasks/result", taskID, result(`{"content":[],"_meta":{"v":1,"io.modelcontextprotocol/related-task":{"taskId":"other"}}}`), result(`{"content":[],"_meta":{"v":1}}`)},
		{"result of none", mcp.V20251125, "tasks/result", taskID, result(`{"_meta":{"io.modelcontextprotocol/related-task":7}}`), result(`{"_meta":{}}`)},
		{"no task", mcp.V20251125, "tools/call", plain, result(`{"taskId":"%","task":{"taskId":"up"}}`), result(`{"taskId":"%","task":{"taskId":"up"}}`)},
		{"error", mcp.V20251125, "tasks/get", taskID, failure(`{"code":-32602,"message":"up"}`), failure(`{"code":-32602,"message":"up"}`)},
		{"note", "", "", "", note(`{"taskId":"%","status":"working"}`), note(`{"taskId":"%","status":"working"}`)},
		{"note of another", "", "", "", note(`{"taskId":"other","status":"working"}`), ""},
		{"note of none", "", "", "", note(`{}`), ""},
		{"question", mcp.V20251125, "tasks/result", taskID, `{"jsonrpc":"2.0","id":5,"method":"elicitation/create","params":{` + related + `}}`, `{"jsonrpc":"2.0","id":5,"method":"elicitation/create","params":{` + related + `}}`},
		{"question of another", mcp.V20251125, "tasks/result", taskID, `{"jsonrpc":"2.0","id":5,"method":"roots/list","params":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"other"}}}}`, ""},
		{"progress", mcp.V20251125, "tools/call", asTask, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,` + related + `}}`, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,` + related + `}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var ex *gate.Exchange
			if tc.method != "" {
				ex = about(t, tc.version, tc.method, tc.params)
			}
			m := upstream(t, strings.ReplaceAll(tc.message, "%", "up"))
			got, err := mcp.ShowTasks(ex, m, func(id []byte, made bool) []byte {
				if mcp.SameText(id, []byte(`"up"`)) {
					return []byte(`"sealed-\u0041"`)
				}
				if made {
					t.Errorf("made %s", id)
				}
				return nil
			})
			want := strings.ReplaceAll(tc.want, "%", `sealed-\u0041`)
			if tc.name == "no task" {
				want = string(m.Raw)
			}
			switch {
			case (err != nil) != (tc.want == "error"):
				t.Errorf("error %v", err)
			case got == nil && tc.want != "" && err == nil:
				t.Error("dropped")
			case got != nil && string(got.Raw) != want:
				t.Errorf("got  %s\nwant %s", got.Raw, want)
			}
		})
	}
}

func TestAnswerFor(t *testing.T) {
	t.Parallel()
	const m = `{"jsonrpc":"2.0","id":"dw-1","result":{"action":"accept","_meta":{"v":1,"io.modelcontextprotocol/related-task":{"taskId":"%"}}}}`
	for _, tc := range []struct{ said, task, want string }{
		{"shown", `"\u0075p"`, strings.ReplaceAll(strings.Replace(m, `"dw-1"`, "17", 1), `"%"`, `"\u0075p"`)},
		{`sho\u0077n`, `"up"`, strings.ReplaceAll(strings.Replace(m, `"dw-1"`, "17", 1), `"%"`, `"up"`)},
		{"guess", `"up"`, `{"jsonrpc":"2.0","id":17,"result":{"action":"accept","_meta":{"v":1}}}`},
		{"up", "", `{"jsonrpc":"2.0","id":17,"result":{"action":"accept","_meta":{"v":1}}}`},
	} {
		var task []byte
		if tc.task != "" {
			task = []byte(tc.task)
		}
		if got := string(mcp.AnswerFor(client(t, strings.ReplaceAll(m, "%", tc.said)), []byte("17"), []byte(`"shown"`), task)); got != tc.want {
			t.Errorf("%s: got  %s\nwant %s", tc.said, got, tc.want)
		}
	}
	bare := `{"jsonrpc":"2.0","id":"dw-1","error":{"code":-1,"message":"m"}}`
	if got := string(mcp.AnswerFor(client(t, bare), []byte("17"), nil, nil)); got != strings.Replace(bare, `"dw-1"`, "17", 1) {
		t.Error(got)
	}
}
