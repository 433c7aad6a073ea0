package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Probes tells whether a probe tries a plan from inside before a command starts under it.
const Probes = true

// probeWord is the argument that makes this binary the probe; its plan alone has it, as Entry.
const probeWord = "probe"

// Of the probe's plan: limits of memory and disk that it is quick to go over, the tasks that a
// program in Go needs, how long it may take, and how much it may say.
const (
	probeMemory   = 32 << 20
	probeTasks    = 16
	probeDisk     = 64 << 20 // which is memory too
	probePatience = 30 * time.Second
	maxAnswers    = 256 << 10
)

// question is what the probe is told of the world outside, and of its plan.
type question struct {
	Outside   string   `json:"outside"` // a file that is there
	Own       []string `json:"own"`     // paths that are hidden
	Closed    []string `json:"closed"`  // directories that may be read
	Variables []string `json:"variables"`
	TCP       string   `json:"tcp"` // listeners of the gateway's
	UDP       string   `json:"udp"`
	Unix      string   `json:"unix"`
	Abstract  string   `json:"abstract"`
	Shared    shared   `json:"shared"`
	Limits    Limits   `json:"limits"`
	Egress    bool     `json:"egress"`
	Kernel    string   `json:"kernel"`  // of this system, as /proc/version has it; empty: the command's is this one, too
	GoOver    bool     `json:"go_over"` // its limit of memory, when all else is said
}

// Prove runs this very program under p, in place of the command, to try the walls from
// inside. env is what the command would get, without secrets. start starts process 1, as
// for any command. An error is a sandbox that could not be made; whether all that it
// promises holds is the proof's Err.
func (mk *Maker) Prove(ctx context.Context, p Plan, env []string, start func(*exec.Cmd) error) (Proof, error) {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	s, err := newScene(mk)
	if err != nil {
		return Proof{}, fmt.Errorf("preparing the probe of a sandbox: %w", err)
	}
	defer s.close()
	q := s.question(&p, env)
	if err := p.forProbe(s, q); err != nil {
		return Proof{}, fmt.Errorf("preparing the probe of a sandbox: %w", err)
	}
	answers, err := s.ask(ctx, p, q, env, start)
	if err != nil {
		return Proof{}, err
	}
	return judge(&p, answers, Lacks), nil
}

// Lacks is the error of a layer that this system does not have, nil where it has it.
func Lacks(layer string) error {
	switch layer {
	case Landlock:
		return lacksLandlock()
	case Seccomp:
		return lacksFilter()
	case Bounds, Files, Network: // which other systems lack
		return nil
	}
	return fmt.Errorf("no layer is called %q", layer)
}

// scene is what a probe must not reach: a file, listeners and what processes share, which are
// there and answer whoever has no walls around them.
type scene struct {
	maker    *Maker
	dir      string
	canary   string
	tcp      net.Listener
	unix     net.Listener
	abstract net.Listener
	udp      *net.UDPConn
	shared   *shared
}

func newScene(mk *Maker) (s *scene, err error) {
	s = &scene{maker: mk}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "doorward-probe-"); err != nil {
		return s, err
	}
	s.canary = filepath.Join(s.dir, "canary")
	if err := os.WriteFile(s.canary, []byte("outside\n"), 0o644); err != nil { //nolint:gosec // only the sandbox may keep it from the probe
		return s, err
	}
	if err := os.Chmod(s.dir, 0o755); err != nil { //nolint:gosec // as above
		return s, err
	}
	if s.shared, err = newShared(filepath.Base(s.dir)); err != nil {
		return s, err
	}
	return s, s.listen()
}

// listen opens the listeners. Nobody takes a connection: that one is made says enough.
func (s *scene) listen() (err error) {
	var lc net.ListenConfig
	if s.tcp, err = lc.Listen(context.Background(), "tcp", "127.0.0.1:0"); err != nil {
		return fmt.Errorf("listening for the probe: %w", err)
	}
	if s.udp, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		return fmt.Errorf("listening for the probe: %w", err)
	}
	if s.abstract, err = lc.Listen(context.Background(), "unix", "@"+filepath.Base(s.dir)); err != nil {
		return fmt.Errorf("listening for the probe: %w", err)
	}
	path := filepath.Join(s.dir, "s")
	if s.unix, err = lc.Listen(context.Background(), "unix", path); err != nil {
		return fmt.Errorf("listening for the probe: %w", err)
	}
	return os.Chmod(path, 0o777) //nolint:gosec // only the sandbox may keep the probe from it
}

func (s *scene) close() {
	for _, l := range []net.Listener{s.tcp, s.unix, s.abstract} {
		if l != nil {
			_ = l.Close()
		}
	}
	if s.udp != nil {
		_ = s.udp.Close()
	}
	s.shared.close()
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// heard tells whether a datagram came out of the sandbox.
func (s *scene) heard() bool {
	if err := s.udp.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		return true
	}
	_, _, err := s.udp.ReadFrom(make([]byte, 16))
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

func (s *scene) question(p *Plan, env []string) *question {
	q := &question{
		Outside: s.canary, Closed: []string{"/", "/etc", "/run", "/proc", "/proc/sys/kernel"},
		Variables: names(env), TCP: s.tcp.Addr().String(), UDP: s.udp.LocalAddr().String(),
		Unix: s.unix.Addr().String(), Abstract: s.abstract.Addr().String(), Shared: *s.shared, Egress: p.Egress,
	}
	if p.Runsc != nil {
		raw, err := os.ReadFile("/proc/version")
		if err != nil {
			raw = []byte("unknown")
		}
		q.Kernel = string(raw)
		q.Variables = append(q.Variables, "HOME") // runsc sets it where it is missing
	}
	for _, path := range p.hidden() {
		// What every sandbox has of its own is nobody's secret.
		if !slices.ContainsFunc([]string{"/proc", "/dev", "/sys", "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf"}, func(own string) bool { return within(path, own) }) {
			q.Own = append(q.Own, path)
		}
	}
	if p.Runsc == nil {
		q.Closed = append(q.Closed, "/dev") // gVisor's is its own, and memory of the command's
	}
	for i := range p.Mounts {
		m := &p.Mounts[i]
		// A directory that may be written can lie in one that may not, and the other way round.
		if info, err := os.Stat(m.source()); err == nil && info.IsDir() && !m.Write {
			q.Closed = append(q.Closed, m.Path)
		}
	}
	return q
}

// forProbe makes of a command's plan that of the probe: the same, with the probe's own
// program, what that needs, and limits that it can live in.
func (p *Plan) forProbe(s *scene, q *question) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	dynamic, err := interpreted(self)
	if err != nil {
		return err
	}
	p.Mounts, p.Same, p.Path = slices.Clone(p.Mounts), nil, Entry
	if dynamic {
		p.addSystem()
	}
	p.Mounts = append(p.Mounts, Mount{Path: Entry, Source: self, Why: "the probe"})
	// A directory that was given may hold the canary: then the sandbox has to hide it.
	if slices.ContainsFunc(p.Mounts, func(m Mount) bool { return within(s.canary, m.source()) }) {
		p.Hide = append(slices.Clone(p.Hide), s.dir)
	}
	l := &p.Limits
	l.fill()
	l.Tasks, l.CPU, l.Wall = max(l.Tasks, probeTasks), max(l.CPU, 1), 0
	if q.GoOver = l.Memory <= physical(); q.GoOver {
		l.Memory, l.Disk = min(l.Memory, probeMemory), min(l.Disk, probeDisk)
	}
	q.Limits = *l
	return nil
}

// physical is the memory of this machine in bytes: a limit over it limits nothing, and
// is not gone over.
func physical() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit) //nolint:gosec // below 2^63
}

// ask runs the probe and takes its answers.
func (s *scene) ask(ctx context.Context, p Plan, q *question, env []string, start func(*exec.Cmd) error) ([]answer, error) {
	raw, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("asking the probe: %w", err)
	}
	out := &saying{}
	cmd := &exec.Cmd{Path: Entry, Args: []string{Name, probeWord}, Env: env, Stdin: bytes.NewReader(raw), Stdout: out}
	var proxy func(net.Listener)
	if p.Egress {
		proxy = hangUp
	}
	box, err := s.maker.Confine(cmd, p, proxy)
	if err != nil {
		return nil, err
	}
	started := start(cmd)
	if err := box.Started(started); err != nil {
		if started == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		return nil, err
	}
	stop := context.AfterFunc(ctx, box.Close)
	defer stop()
	var over []string
	for r := range box.Reports() {
		if r.Kind != Ended {
			over = append(over, r.Kind+": "+r.Text)
		}
	}
	_ = cmd.Wait()
	kept := box.kept()
	box.Close()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("sandbox: the probe: %w", context.Cause(ctx))
	}
	answers, err := s.heed(q, out, over)
	return append(answers, kept), err
}

// kept says what keeps the limits of the probe, which has ended.
func (b *Box) kept() answer {
	const name = "limit.kept"
	if b.group == nil {
		return said(name, nil, inWords(keeping(nil))+" ("+b.maker.without().Error()+")")
	}
	limits := b.plan.ceilings()
	return said(name, b.group.holds(&limits), inWords(keeping(b.group.all.controllers)))
}

// heed reads the answers, and adds what was seen from outside.
func (s *scene) heed(q *question, out *saying, over []string) (answers []answer, err error) {
	if err := json.Unmarshal(out.said, &answers); err != nil {
		return nil, fmt.Errorf("%w: the probe did not come to its end (%s)", errUnproven, strings.Join(over, "; "))
	}
	if s.heard() {
		for i := range answers {
			if answers[i].Name == "network" {
				answers[i].Held, answers[i].Found = false, "a datagram came out to "+q.UDP
			}
		}
	}
	watch := answer{Name: "limit.watch", Held: slices.ContainsFunc(over, func(r string) bool { return strings.HasPrefix(r, OverMemory+": ") })}
	switch {
	case !q.GoOver:
		watch.Held, watch.Found = true, "the limit is more than this machine has"
	case watch.Held:
		watch.Found = "the probe was ended: " + strings.Join(over, "; ")
	default:
		watch.Found = "the probe took more, and was not ended"
	}
	return append(answers, watch), nil
}

// hangUp takes the place of the egress proxy: what dials is there, and goes nowhere.
func hangUp(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_ = c.Close()
	}
}

// saying keeps what a probe may say, and refuses more.
type saying struct{ said []byte }

func (s *saying) Write(p []byte) (int, error) {
	if len(s.said)+len(p) > maxAnswers {
		return 0, fmt.Errorf("the probe said more than %d bytes", maxAnswers)
	}
	s.said = append(s.said, p...)
	return len(p), nil
}
