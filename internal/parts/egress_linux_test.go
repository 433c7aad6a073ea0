package parts_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// traveller is a server of one tool, which goes to the place that it is called with: by the
// proxy that it is told of, or past it. It says the first line that it is answered.
const traveller = `proxy=${HTTPS_PROXY#http://}
travel() {
  case $1 in past:*) at=${1#past:} ;; *) at=$proxy ;; esac
  exec 3<>/dev/tcp/${at%:*}/${at##*:} || { echo no way; return; }
  case $1 in
  past:*) echo >&3 ;;
  socks:*) printf '\5\1\0\5\1\0\1\177\0\0\1\0\120' >&3 ;;
  get:*) printf 'GET http://%s/ HTTP/1.1\r\nHost: %s\r\n\r\n' "${1#get:}" "${1#get:}" >&3 ;;
  host:*) printf 'CONNECT %s HTTP/1.1\r\nHost: evil.test\r\n\r\n' "${1#host:}" >&3 ;;
  *) printf 'CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n' "$1" "$1" >&3 ;;
  esac
  read -r -t 20 first <&3; echo "${first//[^[:print:]]/}"
  printf 'GET / HTTP/1.0\r\n\r\n' >&3; IFS= read -r -d '' -t 20 rest <&3; [[ $rest = *arrived* ]] && echo arrived
}
say() { printf '{"jsonrpc":"2.0","id":%s,%s}\n' "$id" "$1"; }
while read -r line; do
  id=${line#*\"id\":}; id=${id%%[,\}]*}
  case $line in
  *'"method":"initialize"'*) say '"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"travel","version":"1"}}' ;;
  *'"method":"tools/list"'*) say '"result":{"tools":[{"name":"travel","description":"Goes there","inputSchema":{"type":"object","properties":{"to":{"type":"string"}}}}]}' ;;
  *'"method":"tools/call"'*) to=${line#*\"to\":\"}; to=${to%%\"*}; text=$(travel "$to" 2>/dev/null | tr '\n' ' '); say '"result":{"content":[{"type":"text","text":"'"$text"'"}]}' ;;
  *'"method":"notifications/'*) ;;
  *) say '"error":{"code":-32601,"message":"no"}' ;;
  esac
done
`

// TestSBX08_Gateway has a confined command go where it may and where it may not, through a
// gateway: one place is reached, nothing else is, by whatever way, and each attempt that the
// proxy sees is on record.
func TestSBX08_Gateway(t *testing.T) {
	t.Parallel()
	var visits, strays atomic.Int32
	listed, other := place(t, &visits), place(t, &strays)
	g := directory(t, fmt.Sprintf(`version: 1
listen: {address: "127.0.0.1:0"}
upstreams: {travel: {command: [bash, travel.sh], sandbox: {network: ["tcp://%s"]}}}
`, listed))
	g.write("travel.sh", traveller)
	g.serve()
	g.must("trust", "approve", "--all")
	cs := goClientOf(t, stateful, g.url, g.key("create", "me").Key)
	_, port, _ := net.SplitHostPort(other)
	_, own, _ := net.SplitHostPort(strings.TrimSuffix(strings.TrimPrefix(g.url, "http://"), "/mcp"))
	for _, to := range []string{
		other, "evil.test:443", "127.1:" + port, "localhost:" + port, "[::1]:" + port, "[::ffff:127.0.0.1]:" + port, "169.254.169.254:80",
		"127.0.0.1:" + own, "host:" + listed, "get:" + other, "socks:", "past:" + other, "past:" + listed, "past:127.0.0.1:" + own, "past:169.254.169.254:80",
	} {
		if said := travel(t, cs, to); strings.Contains(said, "arrived") || strings.Contains(said, "200") || said == "" {
			t.Errorf("to %s: %q", to, said)
		}
	}
	if said := travel(t, cs, listed); !strings.Contains(said, "200") || !strings.Contains(said, "arrived") {
		t.Errorf("to where it may go: %q", said)
	}
	if v, s := visits.Load(), strays.Load(); v != 1 || s != 0 {
		t.Errorf("the place that is listed was visited %d times, the other %d", v, s)
	}
	var refused, open int
	for _, r := range g.records("--kind", "event") {
		switch {
		case r.Event == "egress.open" && strings.Contains(r.Detail, listed):
			open++
		case r.Event == "egress.refused":
			refused++
		}
	}
	if open != 1 || refused != 11 { // what goes past the proxy finds no network at all
		t.Errorf("on record: %d connections, %d refusals", open, refused)
	}
}

// place is a server that says that somebody has arrived, and counts them.
func place(t *testing.T, visits *atomic.Int32) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		visits.Add(1)
		_, _ = io.WriteString(w, "arrived")
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close(); <-done })
	return l.Addr().String()
}

func travel(t *testing.T, cs *mcp.ClientSession, to string) string {
	t.Helper()
	r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: "travel__travel", Arguments: map[string]string{"to": to}})
	if err != nil {
		t.Fatalf("to %s: %v", to, err)
	}
	return textOf(r)
}

// TestSBX27_NothingIsStartedByARequest asks for a command to be run in every way that other
// gateways have had it (CVE-2025-49596, CVE-2026-23744, CVE-2026-42271), without a credential and
// with one: there is no such place, whatever is asked, and no file is touched.
func TestSBX27_NothingIsStartedByARequest(t *testing.T) {
	t.Parallel()
	g := start(t, "version: 1\nlisten: {address: \"127.0.0.1:0\"}\ntrust: {first_use: approve}\nupstreams: {bad: {command: [/bin/false]}}\n")
	key := g.key("create", "alice").Key
	mark := filepath.Join(t.TempDir(), "pwn")
	origin := strings.TrimSuffix(g.url, "/mcp")
	command := fmt.Sprintf(`{"transport":"stdio","transportType":"stdio","command":"sh","args":["-c","touch %s"],"env":{}}`, mark)
	var ways [][2]string // method and URL
	for _, path := range []string{"/sse", "/stdio", "/mcp", "/mcp/bad", "/api/mcp/connect", "/mcp-rest/test/connection", "/mcp-rest/test/tools/list", "/servers", "/servers/test", "/api/servers", "/v1/mcp/server", "/admin/servers", "/connect"} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
			ways = append(ways, [2]string{method, origin + path + "?transportType=stdio&command=touch&args=" + mark})
		}
	}
	rpc := []string{
		command,
		`{"jsonrpc":"2.0","id":1,"method":"servers/test","params":` + command + `}`,
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"},"server":` + command + `,"_meta":{"server":` + command + `}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"bad__run","arguments":` + command + `}}`,
	}
	for _, credential := range []string{"", "Bearer " + key, "Bearer nobody's"} {
		for _, way := range ways {
			for _, body := range rpc {
				status := knock(t, way, body, credential)
				if credential != "Bearer "+key && !slices.Contains([]int{400, 401, 404, 405}, status) || status >= 500 && status != http.StatusServiceUnavailable {
					t.Errorf("%s %s with %q: %d", way[0], way[1], credential, status)
				}
			}
		}
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a request had a command run")
	}
	for _, r := range g.records("--kind", "event") {
		if r.Event == "upstream.start" && !strings.HasPrefix(r.Detail, "/bin/false ") {
			t.Errorf("something was started: %q", r.Detail)
		}
	}
}

func knock(t *testing.T, way [2]string, body, credential string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), way[0], way[1], bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if credential != "" {
		r.Header.Set("Authorization", credential)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK { // an open stream would not end
		_, _ = io.Copy(io.Discard, res.Body)
	}
	return res.StatusCode
}
