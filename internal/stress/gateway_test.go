//go:build linux

package stress_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"doorward/internal/store/storetest"
)

// gateway is a configuration and the doorward that serves it.
type gateway struct {
	t       *testing.T
	dir     string
	admin   string   // address of health and metrics
	address string   // of clients, while it runs
	binary  string   // that serves; the built doorward unless a test has another
	env     []string // beside that of the tests
	process *syscall.SysProcAttr
	cmd     *exec.Cmd
	ended   chan struct{}
	stderr  journal
}

// journal keeps what the gateway writes to stderr.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) tail(n int) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	b := j.buf.Bytes()
	return string(b[max(0, len(b)-n):])
}

func (j *journal) count(s string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Count(j.buf.Bytes(), []byte(s))
}

// newGateway writes a configuration; yaml is added to what every one has.
func newGateway(t *testing.T, yaml string) *gateway {
	g := &gateway{t: t, dir: t.TempDir(), admin: freeAddress(t), binary: doorward}
	g.configure(yaml)
	t.Cleanup(func() {
		g.kill()
		if t.Failed() {
			t.Logf("the end of the gateway's log:\n%s", g.stderr.tail(8000))
		}
	})
	return g
}

func freeAddress(t *testing.T) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(storetest.FreePort(t)))
}

// configure replaces the file as editors do. Calls are known by their ids, which the record
// has in clear then.
func (g *gateway) configure(yaml string) {
	if before, after, ok := strings.Cut(yaml, "audit: {"); ok {
		yaml = before + "audit: {identity: plain, " + after
	} else {
		yaml += "\naudit: {identity: plain}\n"
	}
	text := "version: 1\ndata_dir: data\nlisten: {address: \"127.0.0.1:0\"}\nadmin: {address: " + strconv.Quote(g.admin) + "}\n" +
		"trust: {first_use: approve}\n" + yaml
	if !strings.Contains(yaml, "\nlimits: ") { // the load comes from one address and one caller
		text += "\nlimits: {per_address: off, per_principal: off}\n"
	}
	next := g.file() + ".new"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
	if err := os.Rename(next, g.file()); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gateway) file() string { return filepath.Join(g.dir, "doorward.yaml") }

var announced = regexp.MustCompile(`^Doorward \S+ on http://([^/]+)/mcp`)

// start starts the gateway and waits until it says where it serves.
func (g *gateway) start() {
	g.t.Helper()
	if !g.launch() {
		g.t.Fatalf("the gateway ended at its start: %s", g.cmd.ProcessState)
	}
}

// launch is start of a gateway that may end instead; then it is false.
func (g *gateway) launch() bool {
	g.t.Helper()
	g.cmd = exec.Command(g.binary, "serve", "--config", g.file())
	g.cmd.Env, g.cmd.SysProcAttr = append(os.Environ(), g.env...), g.process
	g.cmd.Stderr = &g.stderr
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		g.t.Fatal(err)
	}
	if err := g.cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	g.ended = make(chan struct{})
	found := make(chan string, 1)
	go func(cmd *exec.Cmd, ended chan struct{}) {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if m := announced.FindStringSubmatch(lines.Text()); m != nil {
				found <- m[1]
			}
		}
		_ = cmd.Wait() // how it ended is for the tests to ask
		close(ended)
	}(g.cmd, g.ended)
	select {
	case g.address = <-found:
	case <-g.ended:
		return false
	case <-time.After(patience):
		g.t.Fatal("the gateway does not say where it serves")
	}
	return true
}

// kill ends the gateway as kill -9 does and waits for it.
func (g *gateway) kill() {
	if g.cmd == nil {
		return
	}
	_ = g.cmd.Process.Kill()
	<-g.ended
}

// stop ends it as SIGTERM does.
func (g *gateway) stop() {
	g.t.Helper()
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		g.t.Fatal(err)
	}
	select {
	case <-g.ended:
	case <-time.After(patience):
		g.t.Fatal("the gateway does not stop")
	}
	if !g.cmd.ProcessState.Success() {
		g.t.Errorf("the gateway ended with %s", g.cmd.ProcessState)
	}
}

func (g *gateway) alive() bool {
	select {
	case <-g.ended:
		return false
	default:
		return true
	}
}

// command runs the command line on the gateway's configuration.
func (g *gateway) command(args ...string) ([]byte, error) {
	cmd := exec.Command(doorward, append(args, "--config", g.file())...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("doorward %s: %w\n%s%s", strings.Join(args, " "), err, out, &stderr)
	}
	return out, err
}

// keys makes n API keys with the given roles.
func (g *gateway) keys(n int, roles ...string) []string {
	g.t.Helper()
	list := make([]string, n)
	for i := range list {
		args := []string{"key", "create", fmt.Sprintf("key%d", i), "--format", "json"}
		for _, r := range roles {
			args = append(args, "--role", r)
		}
		out, err := g.command(args...)
		if err != nil {
			g.t.Fatal(err)
		}
		list[i] = keyOf(g.t, out)
	}
	return list
}

// keyOf is the key that a command has made, as it printed it.
func keyOf(t *testing.T, out []byte) string {
	t.Helper()
	var made struct{ Key string }
	if err := json.Unmarshal(out, &made); err != nil || made.Key == "" {
		t.Fatalf("doorward printed %q and no key", out)
	}
	return made.Key
}

// verify runs `doorward audit verify`, which must find nothing.
func (g *gateway) verify() {
	g.t.Helper()
	if _, err := g.command("audit", "verify"); err != nil {
		g.t.Error(err)
	}
}

// client is a client of this gateway.
func (g *gateway) client(name, key, version, profile string) *client {
	return &client{name: name, address: g.address, key: key, version: version, profile: profile}
}

// health asks the admin listener.
func (g *gateway) health(path string) (int, string) {
	g.t.Helper()
	c := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + g.admin + path)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// metric is the value of a metric without labels.
func (g *gateway) metric(name string) float64 {
	g.t.Helper()
	_, text := g.health("/metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				g.t.Fatal(err)
			}
			return f
		}
	}
	g.t.Fatalf("there is no metric %s", name)
	return 0
}

// resident is VmRSS in bytes.
func (g *gateway) resident() int64 {
	g.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.cmd.Process.Pid))
	if err != nil {
		g.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); f[0] == "VmRSS:" {
			kb, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				g.t.Fatal(err)
			}
			return kb << 10
		}
	}
	g.t.Fatal("no VmRSS")
	return 0
}

// within waits until a condition holds.
func within(t *testing.T, d time.Duration, what string, holds func() bool) {
	t.Helper()
	if !reaches(d, holds) {
		t.Errorf("not within %s: %s", d, what)
	}
}

func reaches(d time.Duration, holds func() bool) bool {
	end := time.After(d)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			return holds()
		}
	}
	return true
}

// record is what these tests read of an audit record.
type record struct {
	Kind, Exchange, ID, Method, Status, Code, Event, Policy string
}

// trail reads the audit log as it grows, and leaves an incomplete line.
type trail struct {
	dir  string
	read map[string]int64 // how far, by file
}

func (g *gateway) trail() *trail {
	return &trail{dir: filepath.Join(g.dir, "data", "audit"), read: map[string]int64{}}
}

// next reads the records that came since the last time; torn tells whether the
// log ends in an incomplete line.
func (tr *trail) next() (list []record, torn bool, err error) {
	files, err := filepath.Glob(filepath.Join(tr.dir, "audit-*.jsonl"))
	if err != nil {
		return nil, false, err
	}
	slices.Sort(files)
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, false, err
		}
		if int64(len(b)) < tr.read[path] {
			return nil, false, errors.New(path + " became shorter than what was read of it")
		}
		whole := bytes.LastIndexByte(b, '\n') + 1
		torn = whole < len(b)
		for line := range bytes.Lines(b[tr.read[path]:whole]) {
			var r record
			if err := json.Unmarshal(line, &r); err != nil {
				return nil, false, fmt.Errorf("%s: %w", path, err)
			}
			list = append(list, r)
		}
		tr.read[path] = int64(whole)
	}
	return list, torn, nil
}

// size is the length of the newest file.
func (tr *trail) newest() (path string, size int64) {
	files, _ := filepath.Glob(filepath.Join(tr.dir, "audit-*.jsonl")) // the pattern is fine
	slices.Sort(files)
	if len(files) == 0 {
		return "", 0
	}
	path = files[len(files)-1]
	if st, err := os.Stat(path); err == nil {
		size = st.Size()
	}
	return path, size
}
