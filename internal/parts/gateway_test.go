package parts_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// gateway is a running `doorward serve` and the directory it works in.
type gateway struct {
	t      *testing.T
	dir    string
	url    string
	env    []string // beside this process's
	under  []string // the command that becomes doorward; nil: it is started itself
	cmd    *exec.Cmd
	out    printed
	log    printed
	exited chan struct{}
	hidden []string // what nothing that a doorward prints may have
}

// hide makes texts secret: the end of the test, and of each command, looks for them in what was printed.
func (g *gateway) hide(texts ...string) { g.hidden = append(g.hidden, texts...) }

func (g *gateway) hides(what, printed string) {
	g.t.Helper()
	for _, text := range g.hidden {
		if strings.Contains(printed, text) {
			g.t.Errorf("%s has the secret %.10s…", what, text)
		}
	}
}

// printed is what a running process has printed so far.
type printed struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.String()
}

func (p *printed) count(s string) int { return strings.Count(p.String(), s) }

// directory makes a place for a gateway: a configuration, in which $DIR is that
// place, and a directory docs with one file in it, and one for what servers write.
func directory(t *testing.T, config string) *gateway {
	t.Helper()
	g := &gateway{t: t, dir: t.TempDir(), exited: make(chan struct{})}
	g.write("doorward.yaml", strings.ReplaceAll(config, "$DIR", g.dir))
	g.write("docs/hello.txt", "hello from a file\n")
	g.write("kept/README", "what a server may write\n")
	return g
}

func (g *gateway) write(name, text string) {
	g.t.Helper()
	path := filepath.Join(g.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		g.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// start runs the gateway and waits until clients can connect. It ends with the
// test.
func start(t *testing.T, config string) *gateway {
	t.Helper()
	g := directory(t, config)
	g.serve()
	return g
}

var announced = regexp.MustCompile(`on (https?://\S+)`)

func (g *gateway) serve() {
	g.t.Helper()
	g.cmd = g.command("serve")
	g.cmd.Dir, g.cmd.Stdout, g.cmd.Stderr = g.dir, &g.out, &g.log
	g.cmd.Env = append(os.Environ(), g.env...)
	if err := g.cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	go func() {
		defer close(g.exited)
		_ = g.cmd.Wait() // the exit code says it
	}()
	g.t.Cleanup(func() {
		_ = g.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-g.exited:
		case <-time.After(patience):
			_ = g.cmd.Process.Kill()
			<-g.exited
			g.t.Errorf("the gateway did not end within %v of SIGTERM", patience)
		}
		if g.t.Failed() {
			g.t.Logf("the gateway printed:\n%s\n%s", g.out.String(), g.log.String())
		}
		g.hides("what the gateway printed", g.out.String())
		g.hides("the gateway's log", g.log.String())
		if g.log.count("panic") > 0 {
			g.t.Errorf("the gateway's log speaks of a panic")
		}
	})
	eventually(g.t, "the gateway's URL", func() bool {
		select {
		case <-g.exited:
			g.t.Fatalf("the gateway ended with %d", g.cmd.ProcessState.ExitCode())
		default:
		}
		found := announced.FindStringSubmatch(g.out.String())
		if found != nil {
			g.url = found[1]
		}
		return found != nil
	})
}

// run runs another doorward command on the same configuration.
func (g *gateway) run(args ...string) result {
	g.t.Helper()
	cmd := g.command(args...)
	cmd.Dir = g.dir
	r := execute(g.t, cmd)
	g.hides("what doorward "+args[0]+" printed", r.stdout+r.stderr)
	return r
}

func (g *gateway) command(args ...string) *exec.Cmd {
	argv := append(append(slices.Clone(g.under), doorward), args...)
	return exec.Command(argv[0], argv[1:]...)
}

// must is run for a command that has to succeed.
func (g *gateway) must(args ...string) string {
	g.t.Helper()
	r := g.run(args...)
	if r.code != 0 {
		g.t.Fatalf("doorward %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

type key struct {
	Key  string `json:"key"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (g *gateway) key(args ...string) key {
	g.t.Helper()
	var k key
	out := g.must(append(append([]string{"key"}, args...), "--format", "json")...)
	if err := json.Unmarshal([]byte(out), &k); err != nil || !strings.HasPrefix(k.Key, "dw_") {
		g.t.Fatalf("a new key reads %s", out)
	}
	g.hide(k.Key) // it is printed this once
	return k
}

type entry struct {
	Upstream string `json:"upstream"`
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	State    string `json:"state"`
}

// entries are what `doorward trust list` shows.
func (g *gateway) entries(args ...string) []entry {
	g.t.Helper()
	var all []entry
	out := g.must(append([]string{"trust", "list", "--format", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		g.t.Fatalf("trust list: %v in %s", err, out)
	}
	return all
}

// record is what the tests read of an audit record.
type record struct {
	Kind      string `json:"kind"`
	Event     string `json:"event"`
	Actor     string `json:"actor"`
	Detail    string `json:"detail"`
	Exchange  string `json:"exchange"`
	Request   string `json:"request"`
	Remote    string `json:"remote"`
	Profile   string `json:"profile"`
	Method    string `json:"method"`
	Era       string `json:"era"`
	Item      string `json:"item"`
	Status    string `json:"status"`
	Code      string `json:"code"`
	Principal struct {
		Method     string `json:"method"`
		Subject    string `json:"subject"`
		Issuer     string `json:"issuer"`
		Client     string `json:"client"`
		Credential string `json:"credential"`
	} `json:"principal"`
}

// records are what `doorward audit search --open` finds: with who they are about.
func (g *gateway) records(args ...string) []record {
	g.t.Helper()
	var all []record
	dec := json.NewDecoder(strings.NewReader(g.must(append([]string{"audit", "search", "--format", "json", "--open"}, args...)...)))
	for dec.More() {
		var r record
		if err := dec.Decode(&r); err != nil {
			g.t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}
