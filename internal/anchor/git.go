package anchor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	branch  = "refs/heads/doorward" // of its own, so that nobody's work is in the way
	gitTime = 30 * time.Second      // of one command
	maxNote = 16 << 10              // bytes of a checkpoint, and of anything else that git prints
)

// GitConfig is a repository. Dir is required.
type GitConfig struct {
	Dir    string // of the repository, made when missing
	Remote string // that the branch is pushed to; empty: none
	// Environment is the process's own: git gets of it what finds programs and the
	// keys of SSH.
	Environment []string
}

// git keeps the newest checkpoint of each log in a file, and the earlier ones in its
// history. Commits are made by fast-import, which knows no work tree, no index, no
// filters and no hooks.
type git struct {
	dir, remote, program string
	environment          []string
}

// NewGit makes a place of a repository.
func NewGit(c GitConfig) (Place, error) {
	program, err := exec.LookPath("git")
	if err != nil {
		return nil, errors.New("anchor: git is not installed, or not on PATH")
	}
	dir, err := filepath.Abs(c.Dir)
	if c.Dir == "" || err != nil {
		return nil, errors.New("anchor: a directory is required")
	}
	g := &git{dir: dir, remote: c.Remote, program: program, environment: []string{
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1",
		"GIT_CEILING_DIRECTORIES=" + filepath.Dir(dir), // it is this directory, and none above it
		"GIT_SSH=ssh", "GIT_SSH_VARIANT=ssh", "LC_ALL=C",
	}}
	for _, v := range c.Environment {
		if name, _, _ := strings.Cut(v, "="); slices.Contains([]string{"PATH", "HOME", "SSH_AUTH_SOCK", "SYSTEMROOT"}, name) {
			g.environment = append(g.environment, v)
		}
	}
	return g, nil
}

// Take implements Place.
func (g *git) Take(ctx context.Context, c Checkpoint) error {
	if err := g.prepare(ctx); err != nil {
		return err
	}
	begun, err := g.begun(ctx)
	if err != nil {
		return err
	}
	var in bytes.Buffer
	message := fmt.Sprintf("%d records of %s\n", c.Size, c.Origin)
	fmt.Fprintf(&in, "feature done\ncommit %s\ncommitter Doorward <doorward@localhost> %d +0000\ndata %d\n%s\n", branch, time.Now().Unix(), len(message), message)
	if begun {
		fmt.Fprintf(&in, "from %s^0\n", branch)
	}
	fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\ndone\n", noteFile(c.Origin), len(c.Note), c.Note)
	if _, err := g.run(ctx, in.Bytes(), "fast-import", "--quiet", "--done"); err != nil {
		return err
	}
	if g.remote == "" {
		return nil
	}
	_, err = g.run(ctx, nil, "push", "--quiet", "--no-verify", "--", g.remote, branch+":"+branch)
	return err
}

// Last implements Place.
func (g *git) Last(ctx context.Context, origin string) (string, error) {
	if _, err := os.Lstat(g.dir); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err := g.prepare(ctx); err != nil {
		return "", err
	}
	begun, err := g.begun(ctx)
	if err != nil || !begun {
		return "", err
	}
	name := noteFile(origin)
	listed, err := g.run(ctx, nil, "ls-tree", "--name-only", branch, "--", name)
	if err != nil || listed == "" {
		return "", err
	}
	return g.run(ctx, nil, "cat-file", "blob", branch+":"+name)
}

// noteFile is the file of a log's checkpoints.
func noteFile(origin string) string {
	plain := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '-'
	}
	return strings.Trim(strings.Map(plain, origin), ".") + ".checkpoint"
}

// prepare makes the repository where there is none, and refuses one whose own
// configuration could make git start programs.
func (g *git) prepare(ctx context.Context) error {
	if _, err := os.Lstat(g.dir); errors.Is(err, fs.ErrNotExist) {
		if err := os.Mkdir(g.dir, 0o700); err != nil {
			return err
		}
		if _, err := g.run(ctx, nil, "init", "--quiet", "--bare", "--template=", "."); err != nil {
			return err
		}
	}
	listed, err := g.run(ctx, nil, "config", "--local", "--no-includes", "--name-only", "--null", "--list")
	if err != nil {
		return fmt.Errorf("%s is no repository of its own: %w", g.dir, err)
	}
	for key := range strings.SplitSeq(strings.TrimSuffix(listed, "\x00"), "\x00") {
		if !harmless(key) {
			return fmt.Errorf("the repository's configuration sets %q, which is not for one that keeps checkpoints", key)
		}
	}
	return nil
}

// harmless tells of keys of a repository that git makes itself or that say who wrote a
// commit. None of them names a program.
func harmless(key string) bool {
	switch section, rest, _ := strings.Cut(key, "."); section {
	case "":
		return true
	case "core":
		return slices.Contains([]string{
			"repositoryformatversion", "filemode", "bare", "logallrefupdates", "ignorecase", "precomposeunicode", "symlinks", "sharedrepository",
		}, rest)
	case "extensions":
		return rest == "objectformat"
	case "user", "receive":
		return true
	case "remote", "branch":
		return strings.HasSuffix(rest, ".url") || strings.HasSuffix(rest, ".fetch") || strings.HasSuffix(rest, ".remote") || strings.HasSuffix(rest, ".merge")
	}
	return false
}

// begun tells whether the branch exists.
func (g *git) begun(ctx context.Context) (bool, error) {
	found, err := g.run(ctx, nil, "for-each-ref", "--format=%(refname)", branch)
	return strings.TrimSpace(found) == branch, err
}

// run starts git with arguments of its own, without a shell. The error says nothing of
// what it printed: that may hold the remote's address with a password.
func (g *git) run(ctx context.Context, in []byte, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTime)
	defer cancel()
	out := &bounded{}
	c := exec.CommandContext(ctx, g.program, append([]string{
		"-c", "core.hooksPath=" + os.DevNull, "-c", "core.fsmonitor=false", "-c", "credential.helper=", "-c", "protocol.ext.allow=never",
		"-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "core.fsync=all",
	}, args...)...)
	c.Dir, c.Env, c.Stdin, c.Stdout = g.dir, g.environment, bytes.NewReader(in), out
	c.WaitDelay = time.Second // a process that it left behind may hold the pipe
	alone(c)
	err := c.Run()
	exited, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("git %s did not end within %v", args[0], gitTime)
	case ended:
		return "", fmt.Errorf("git %s ended with %d", args[0], exited.ExitCode())
	case err != nil:
		return "", fmt.Errorf("git %s cannot be started, or prints too much", args[0])
	}
	return out.String(), nil
}

// bounded takes up to maxNote bytes, and then is an error.
type bounded struct{ bytes.Buffer }

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxNote {
		return 0, errors.New("too much")
	}
	return b.Buffer.Write(p)
}
