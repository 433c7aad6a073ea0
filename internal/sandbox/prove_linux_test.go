package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"doorward/internal/sandbox"
	"doorward/internal/sandbox/lacking"
)

// probed is a proof that a process of its own makes, on a system that lacks something,
// or with a sandbox that is made badly.
type probed struct {
	Lacks  string
	Weaker []string
	Drop   uintptr // the namespaces that are not made
	Leaked bool    // a variable that was not given
}

// found is what came of it.
type found struct {
	Proof sandbox.Proof
	Err   string
}

func (p *probed) plan() (sandbox.Plan, error) {
	g := sandbox.Given{Weaker: p.Weaker, Limits: roomy(), Hide: []string{"/etc/ssl"}}
	return sandbox.NewPlan(sandbox.Program{Path: "/bin/true", Dir: "/", Search: "/usr/bin:/bin", System: true}, g, nil)
}

// prove makes the proof that its standard input describes.
func prove() int {
	var p probed
	if json.NewDecoder(os.Stdin).Decode(&p) != nil {
		return 2
	}
	if p.Lacks != "" {
		if err := lacking.From(p.Lacks); err != nil {
			return 2
		}
	}
	var f found
	var mk sandbox.Maker
	defer mk.Close()
	plan, err := p.plan()
	if err == nil {
		f.Proof, err = mk.Prove(context.Background(), plan, []string{"PATH=/usr/bin:/bin", quick}, func(cmd *exec.Cmd) error {
			cmd.SysProcAttr.Cloneflags &^= p.Drop
			return cmd.Start()
		})
	}
	if err = errors.Join(err, f.Proof.Err()); err != nil {
		f.Err = err.Error()
	}
	if json.NewEncoder(os.Stdout).Encode(f) != nil {
		return 1
	}
	return 0
}

func (p *probed) run(t *testing.T, u *user) (f found) {
	t.Helper()
	raw, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var out, log bytes.Buffer
	cmd := u.command(asProver, raw)
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("the prover: %v\n%s", err, log.String())
	}
	if err := json.Unmarshal(out.Bytes(), &f); err != nil {
		t.Fatalf("the prover wrote %q: %v", out.String(), err)
	}
	return f
}

// TestSBX20_SBX21_Proof has a probe try sandboxes that are as they should be, that lack a
// layer, and that were made badly.
func TestSBX20_SBX21_Proof(t *testing.T) {
	for _, u := range users(t) {
		for _, c := range []struct {
			name, says string // of the error; empty: it holds
			probed     probed
			broken     string
			missing    []string
		}{
			{"holds", "", probed{}, "", nil},
			{"SBX-20 no Landlock", "this system lacks it: it has version 0 of Landlock", probed{Lacks: sandbox.Landlock}, "", nil},
			{"SBX-20 no Landlock, and another may be missing", "this system lacks it: it has version 0 of Landlock", probed{Lacks: sandbox.Landlock, Weaker: []string{sandbox.Seccomp}}, "", nil},
			{"SBX-20 Landlock may be missing", "", probed{Lacks: sandbox.Landlock, Weaker: []string{sandbox.Landlock}}, "", []string{"landlock"}},
			{"Landlock may be missing, and is there", "", probed{Weaker: []string{sandbox.Landlock, sandbox.Seccomp}}, "", nil},
			{"SBX-20 no filter", "this system lacks it: no filter of system calls", probed{Lacks: sandbox.Seccomp}, "", nil},
			{"SBX-20 the filter may be missing", "", probed{Lacks: sandbox.Seccomp, Weaker: []string{sandbox.Seccomp}}, "", []string{"calls"}},
			{"SBX-20 no namespaces", "does not let Doorward make namespaces", probed{Lacks: lacking.Namespaces, Weaker: []string{sandbox.Landlock, sandbox.Seccomp}}, "", nil},
			{"SBX-21 the memory and queues of the host", "the sandbox does not hold: ipc: ", probed{Drop: unix.CLONE_NEWIPC}, "ipc", nil},
			{"SBX-21 the network of the host", "the sandbox does not hold: network: ", probed{Drop: unix.CLONE_NEWNET}, "network", nil},
		} {
			if u.id == nobody && c.probed.Drop != 0 {
				continue // only root's process 1 can build a root without one of the namespaces
			}
			t.Run(u.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				f := c.probed.run(t, &u)
				if (c.says == "") != (f.Err == "") || !strings.Contains(f.Err, c.says) {
					t.Errorf("it says %q, want %q", f.Err, c.says)
				}
				if got := strings.Join(f.Proof.Names(sandbox.Broken), " "); got != c.broken {
					t.Errorf("broken are %q, want %q", got, c.broken)
				}
				if got := f.Proof.Names(sandbox.Lacking); !slices.Equal(got, c.missing) {
					t.Errorf("lacking are %q, want %q", got, c.missing)
				}
			})
		}
	}
}

// TestSBX21_NothingTried holds that what proves nothing is no proof.
func TestSBX21_NothingTried(t *testing.T) {
	if err := (&sandbox.Proof{}).Err(); err == nil {
		t.Error("the zero value is a proof")
	}
}

// TestProver holds that a plan is proven once, another plan anew, and one that was not
// proven, or whose proof was not put on record, each time.
func TestProver(t *testing.T) {
	var v sandbox.Prover
	var mk sandbox.Maker
	defer mk.Close()
	var starts int
	fails := true
	start := func(cmd *exec.Cmd) error {
		starts++
		if fails {
			return errors.New("no process can be started")
		}
		return cmd.Start()
	}
	wider := &probed{Weaker: []string{sandbox.Landlock}}
	unrecorded := errors.New("the log takes nothing")
	for i, c := range []struct {
		fails, fresh bool
		record       error
		probed       *probed
		starts       int
	}{
		{true, true, nil, &probed{}, 1},
		{false, true, unrecorded, &probed{}, 2},
		{false, true, nil, &probed{}, 3},
		{true, false, unrecorded, &probed{}, 3},
		{false, true, nil, wider, 4},
		{true, false, unrecorded, wider, 4},
	} {
		plan, err := c.probed.plan()
		if err != nil {
			t.Fatal(err)
		}
		plan.Same = []sandbox.File{{Path: "/bin/true", Size: int64(i)}} // another program by the same plan
		fails = c.fails
		fresh, env := false, []string{"PATH=/usr/bin:/bin", quick}
		err = v.Prove(t.Context(), &plan, env, func(probed sandbox.Plan) error {
			fresh = true
			proof, err := mk.Prove(t.Context(), probed, env, start)
			if err == nil {
				err = proof.Err()
			}
			return errors.Join(err, c.record)
		})
		if (err != nil) != (c.fresh && (c.fails || c.record != nil)) || fresh != c.fresh || starts != c.starts {
			t.Errorf("%d: fresh %v after %d starts: %v; want %v after %d", i, fresh, starts, err, c.fresh, c.starts)
		}
	}
}
