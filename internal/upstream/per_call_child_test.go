package upstream_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// lonelyChild is a stdio server that tells who it is: its process id, how many
// calls it has had, and what it was started with. It tells whether mode is one of
// its own:
//
//	who       it speaks the stateful era
//	modern    it speaks the stateless era
//	picky     as who, but it does not start with the key "bad"
//	nosy      as who, but it asks something as soon as it is up
//	silent    it says nothing
func lonelyChild(mode string) bool {
	switch mode {
	case "who", "modern", "nosy":
	case "picky":
		if os.Getenv("KEY") == "bad-key" {
			os.Exit(3)
		}
	case "silent":
		select {}
	default:
		return false
	}
	l := &lonely{modern: mode == "modern", nosy: mode == "nosy"}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var m said
		if json.Unmarshal(in.Bytes(), &m) == nil {
			if answer := l.answer(&m, in.Text()); answer != "" {
				fmt.Println(answer)
			}
		}
	}
	return true
}

type lonely struct {
	modern bool
	nosy   bool
	calls  int
	level  string
	heard  bool // that its client can be asked
	asking said
}

func (l *lonely) answer(m *said, raw string) string {
	era := map[string]bool{"initialize": false, "server/discover": true}
	if modern, first := era[m.Method]; first && modern != l.modern {
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}`, m.ID)
	}
	if greets := strings.Contains(raw, `"elicitation"`); m.Method == "initialize" || m.Method == "server/discover" {
		l.heard = greets
	}
	const can = `"capabilities":{"tools":{},"prompts":{},"logging":{},"completions":{},"resources":{"subscribe":true,"listChanged":true},"tasks":{"requests":{"tools":{"call":{}}}}}`
	switch m.Method {
	case "notifications/initialized":
		if l.nosy {
			return `{"jsonrpc":"2.0","id":"up-0","method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}`
		}
	case "initialize":
		return m.result(`{"protocolVersion":"2025-11-25",` + can + `,"serverInfo":{"name":"child","version":"1"}}`)
	case "server/discover":
		return m.result(`{"resultType":"complete","supportedVersions":["2026-07-28"],` + can + `,"ttlMs":60000,"cacheScope":"public"}`)
	case "tools/list":
		return m.result(`{"resultType":"complete","tools":[{"name":"who","inputSchema":{"type":"object"}}],"ttlMs":60000,"cacheScope":"public"}`)
	case "resources/list":
		return m.result(`{"resultType":"complete","resources":[{"uri":"a://b","name":"b"}],"ttlMs":60000,"cacheScope":"public"}`)
	case "subscriptions/listen":
		_, asked, _ := strings.Cut(raw, `"notifications":`)
		asked, _, _ = strings.Cut(asked, "}")
		return fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":%s},"_meta":{"io.modelcontextprotocol/subscriptionId":%s}}}`, asked, m.ID)
	case "logging/setLevel":
		_, rest, _ := strings.Cut(raw, `"level":"`)
		l.level, _, _ = strings.Cut(rest, `"`)
		return m.result(`{}`)
	case "completion/complete":
		return m.result(`{"resultType":"complete","completion":{"values":[]}}`)
	case "resources/read":
		return m.result(`{"resultType":"complete","contents":[]}`)
	case "":
		return l.asking.result(l.who(string(m.Result)))
	case "tools/call":
		l.calls++
		switch m.Params.Name {
		case "hang":
			return fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1}}`, m.Params.Meta.Token)
		case "crash":
			os.Exit(1)
		case "changes":
			return `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}` + "\n" + m.result(l.who("null"))
		case "ask":
			if !l.modern {
				l.asking = *m
				return `{"jsonrpc":"2.0","id":"up-1","method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}`
			}
			if !strings.Contains(raw, `"inputResponses"`) {
				return m.result(`{"resultType":"input_required","inputRequests":{"q":{"method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}},"requestState":"theirs"}`)
			}
		}
		return m.result(l.who("null"))
	}
	return ""
}

// digestOf tells keys apart in a result, where a key itself is masked.
func digestOf(key string) string {
	if key == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// who is a result that tells the process apart from others.
func (l *lonely) who(answer string) string {
	var names []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	return fmt.Sprintf(`{"resultType":"complete","content":[],"pid":%d,"calls":%d,"key":%q,"level":%q,"heard":%v,"env":%q,"answer":%s}`,
		os.Getpid(), l.calls, digestOf(os.Getenv("KEY")), l.level, l.heard, strings.Join(names, " "), answer)
}
