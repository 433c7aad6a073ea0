package parts_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// bomber is a server of one tool, which is called as its argument and takes what it can,
// the first time. Nothing of it is compiled, so that it starts at once.
const bomber = `attack() {
  [ -e kept/$1 ] && rm -f /tmp/full && echo all is well && return
  touch kept/$1 2>/dev/null
  case $1 in
  forks) (while :; do sleep 1000 & done) 2>/dev/null; sleep 1000 ;;
  memory) head -c 1G /dev/zero | tail -c 1G >/dev/null; sleep 1000 ;;
  disk) cat /dev/zero >/tmp/full ;;
  files) fds=(); while exec {fd}</dev/null; do fds+=($fd); done; read -r -t 3 none; for fd in "${fds[@]}"; do exec {fd}<&-; done ;;
  line) exec cat /dev/zero ;;
  noise) yes noise >&2 ;;
  stays) trap '' TERM HUP INT; (setsid bash -c "trap '' TERM HUP INT; while :; do sleep 1000; done" &) ;;
  fresh) ls -A /tmp /dev/shm | grep -c mark; touch /tmp/mark /dev/shm/mark ;;
  *) echo all is well ;;
  esac
}
say() { printf '{"jsonrpc":"2.0","id":%s,%s}\n' "$id" "$1"; }
while read -r line; do
  id=${line#*\"id\":}; id=${id%%[,\}]*}
  case $line in
  *'"method":"initialize"'*) say '"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"'$1'","version":"1"}}' ;;
  *'"method":"tools/list"'*) say '"result":{"tools":[{"name":"'$1'","description":"Does '$1'","inputSchema":{"type":"object"}}]}' ;;
  *'"method":"tools/call"'*) case $1 in line|noise|files|stays) text=$([ -e kept/$1 ] && attack $1); [ "$text" ] || attack $1 ;; *) text=$(attack $1) ;; esac; say '"result":{"content":[{"type":"text","text":"'"$text"'"}]}' ;;
  *'"method":"notifications/'*) ;;
  *) say '"error":{"code":-32601,"message":"no"}' ;;
  esac
done
[ $1 = stays ] && while :; do sleep 1000; done
`

// bomb is something that is taken, the limit that it meets, and whether that ends it.
type bomb struct {
	id, name, kind, sandbox string
	ends                    bool
}

var bombs = []bomb{
	{"SBX-09", "forks", "tasks", "processes: 24, cpu: 0.3", true},
	{"SBX-10", "memory", "memory", "memory: 32MiB, cpu: 0.5", true},
	{"SBX-12", "disk", "disk", "disk: 2MiB", false},
	{"SBX-13", "files", "files", "files: 64", false},
	{"SBX-19", "line", "output", "cpu: 0.5", true},
	{"SBX-19", "noise", "output", "cpu: 0.5", true},
}

// TestSBX09_10_12_13_14_19_Bombs has one gateway with a bomb of each kind behind it. Each is
// contained, on record, counted and an alert, what is ended comes back, and a neighbour goes
// on. Nothing is left when the gateway stops.
func TestSBX09_10_12_13_14_19_Bombs(t *testing.T) {
	t.Parallel()
	admin := freeAddress(t)
	config := fmt.Sprintf("version: 1\nlisten: {address: \"127.0.0.1:0\"}\nadmin: {address: %q}\nmonitor: {rules: {limit_violations: 5/1m}}\nupstreams:\n", admin)
	for _, b := range bombs {
		config += fmt.Sprintf("  %s: {command: [bash, bomber.sh, %[1]s], sandbox: {write: [kept], %s}, limits: {result: 1MiB}}\n", b.name, b.sandbox)
	}
	config += "  good: {command: [bash, bomber.sh, good]}\n  stays: {command: [bash, bomber.sh, stays]}\n" +
		"  fresh: {command: [bash, bomber.sh, fresh], sandbox: {lifetime: call}}\n"
	g := directory(t, config)
	g.write("bomber.sh", bomber)
	g.serve()
	g.must("trust", "approve", "--all")
	cs := goClientOf(t, stateful, g.url, g.key("create", "me").Key)

	before, enough := context.WithTimeout(t.Context(), time.Second)
	alone := neighbour(before, t, cs)
	enough()
	for _, together := range salvos() {
		attacked, over := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, b := range together {
			wg.Go(func() { b.attack(t, g, cs) })
		}
		beside := make(chan []time.Duration)
		go func() { beside <- neighbour(attacked, t, cs) }()
		wg.Wait()
		over()
		compare(t, together, alone, <-beside)
	}

	for range 3 { // SBX-12: each call finds the file system empty
		if text, err := saidBy(t, cs, "fresh"); err != nil || text != "0" {
			t.Errorf("a file of another call is there: %q, %v", text, err)
		}
	}
	judgeBombs(t, g, "http://"+admin+"/metrics")
	stopsWhatStays(t, g, cs)
}

// neighbour calls a server that is well until ctx ends, and says how long each call took.
func neighbour(ctx context.Context, t *testing.T, cs *mcp.ClientSession) (took []time.Duration) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ; ctx.Err() == nil; <-tick.C {
		began := time.Now()
		if text, err := saidBy(t, cs, "good"); err != nil || text != "all is well" {
			t.Errorf("the neighbour says %q, %v", text, err)
		}
		took = append(took, time.Since(began))
	}
	return took
}

// factor is a variable with how many times as long the neighbour's slowest calls (p99) may
// take beside a bomb. How long that is says as much about the machine, so that it is only
// told unless it is set. Where it is, one bomb goes off after the other, and not all at once.
const factor = "DOORWARD_NEIGHBOUR_FACTOR"

// salvos are the bombs that go off together.
func salvos() [][]bomb {
	if os.Getenv(factor) == "" {
		return [][]bomb{bombs}
	}
	return slices.Collect(slices.Chunk(bombs, 1))
}

func compare(t *testing.T, bombs []bomb, alone, beside []time.Duration) {
	t.Helper()
	p99 := func(all []time.Duration) time.Duration {
		slices.Sort(all)
		return all[len(all)*99/100]
	}
	a, b := p99(alone), p99(beside)
	names := make([]string, len(bombs))
	for i, b := range bombs {
		names[i] = b.name
	}
	t.Logf("a neighbour's p50 is %v alone and %v beside %v, its p99 %v (%d calls) and %v (%d)",
		alone[len(alone)/2], beside[len(beside)/2], names, a, len(alone), b, len(beside))
	if most, err := strconv.ParseFloat(os.Getenv(factor), 64); err == nil && b.Seconds() > most*a.Seconds() {
		t.Errorf("p99 is more than %v times as long beside %v", most, names)
	}
}

// saidBy is what the tool of an upstream says.
func saidBy(t *testing.T, cs *mcp.ClientSession, name string) (string, error) {
	t.Helper()
	r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: name + "__" + name})
	if err != nil {
		return "", err
	}
	if r.IsError {
		return "", errors.New(textOf(r))
	}
	return textOf(r), nil
}

// attack sets a bomb off, waits until it was met, and then until its upstream is well.
func (b *bomb) attack(t *testing.T, g *gateway, cs *mcp.ClientSession) {
	t.Helper()
	if _, err := saidBy(t, cs, b.name); (err != nil) != b.ends {
		t.Errorf("%s: the call that set it off: %v", b.name, err)
	}
	met := fmt.Sprintf("upstream=%s ", b.name)
	eventually(t, b.name+" is met", func() bool {
		return slices.ContainsFunc(strings.Split(g.log.String(), "\n"), func(line string) bool {
			return strings.Contains(line, "upstream met a limit") && strings.Contains(line, met) && strings.Contains(line, "limit="+b.kind)
		})
	})
	eventually(t, b.name+" is there again", func() bool {
		text, err := saidBy(t, cs, b.name)
		return err == nil && text == "all is well"
	})
}

// judgeBombs looks at the record, the metrics and the alerts.
func judgeBombs(t *testing.T, g *gateway, at string) {
	t.Helper()
	text := metrics(t, at)
	for _, b := range bombs {
		t.Run(b.id+" "+b.name, func(t *testing.T) {
			eventually(t, "it is on record", func() bool {
				return slices.ContainsFunc(g.records("--kind", "event"), func(r record) bool { return r.Event == "upstream.limit" && strings.HasPrefix(r.Detail, b.kind+": ") })
			})
			if !strings.Contains(text, fmt.Sprintf("doorward_upstream_events_total{kind=%q,upstream=%q}", "limit_"+b.kind, b.name)) {
				t.Error("it is not counted")
			}
			eventually(t, "an alert", func() bool {
				return slices.ContainsFunc(g.records("--kind", "event"), func(r record) bool {
					return r.Event == "alert.raised" && strings.Contains(r.Detail, "limit_violations") && strings.Contains(r.Detail, b.name)
				})
			})
		})
	}
}

// metrics are those of the gateway.
func metrics(t *testing.T, at string) string {
	t.Helper()
	resp, err := http.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// stopsWhatStays stops the gateway while a command runs that hears no signal and has left a
// process in a session of its own (SBX-14).
func stopsWhatStays(t *testing.T, g *gateway, cs *mcp.ClientSession) {
	t.Helper()
	if _, err := saidBy(t, cs, "stays"); err != nil {
		t.Fatal(err)
	}
	before := descendants(t, g.cmd.Process.Pid)
	_ = cs.Close()
	if len(before) < 6 {
		t.Fatalf("the gateway's processes are %v", before)
	}
	began := time.Now()
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-g.exited:
	case <-time.After(patience):
		t.Fatal("the gateway goes on")
	}
	all := processes(t)
	for _, p := range before {
		if q, ok := all[p.pid]; ok && q.started == p.started {
			t.Errorf("process %v is left", p)
		}
	}
	t.Logf("the gateway stopped with %d processes after %v", len(before), time.Since(began).Round(time.Millisecond))
}
