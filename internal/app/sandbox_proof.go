package app

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"doorward/internal/config"
	"doorward/internal/sandbox"
	"doorward/internal/upstream"
)

// SandboxProof is what a probe found of one sandbox.
type SandboxProof struct {
	Upstream   string             `json:"upstream"`             // empty: the sandbox of a command that is given nothing
	Kind       string             `json:"kind"`                 // of the sandbox; those of process and runsc alone are tried
	Properties []sandbox.Property `json:"properties,omitempty"` // none where it could not be made
	Error      string             `json:"error,omitempty"`      // why it would not be started
}

// Proofs runs a probe in the sandbox of an upstream's command; with an empty name in that of
// a command that is given nothing, and in that of every command that the configuration has.
func Proofs(ctx context.Context, cfg *config.Config, path, name string, environment []string) ([]SandboxProof, error) {
	var all []SandboxProof
	if name == "" {
		all = append(all, prove(ctx, "", bare(cfg, path), environment))
	}
	for _, c := range allCommands(cfg, path) {
		switch {
		case name != "" && c.Called != name:
		case c.Sandbox == nil:
			all = append(all, SandboxProof{Upstream: c.Called, Kind: "none"})
		case c.Sandbox.Kind != "":
			all = append(all, SandboxProof{Upstream: c.Called, Kind: c.Sandbox.Kind})
		default:
			all = append(all, prove(ctx, c.Called, c.Settings, environment))
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no upstream that is a command is called %s, and no command of a built-in server is", name)
	}
	return all, nil
}

// bare is this program as a command that is given nothing.
func bare(cfg *config.Config, path string) upstream.Settings {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0] // which is not found then, and that is said
	}
	return upstream.Settings{Name: "default", Command: []string{self}, Sandbox: &upstream.Confinement{Given: sandbox.Given{Hide: Owned(cfg, path)}}}
}

func prove(ctx context.Context, name string, set upstream.Settings, environment []string) SandboxProof {
	p := SandboxProof{Upstream: name, Kind: "process"}
	if set.Sandbox.Runsc {
		p.Kind = sandbox.Runsc
	}
	plan, inherited, err := upstream.ProvenBy(set, environment)
	if err == nil {
		// Process 1 ends with the thread that started it (PR_SET_PDEATHSIG).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var proof sandbox.Proof
		var mk sandbox.Maker
		defer mk.Close()
		if proof, err = mk.Prove(ctx, plan, inherited, (*exec.Cmd).Start); err == nil {
			p.Properties, err = proof.Properties, proof.Err()
		}
	}
	if err != nil {
		p.Error = err.Error()
	}
	return p
}
