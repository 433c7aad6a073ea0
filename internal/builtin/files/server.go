// Package files is the built-in server of kind files: the regular files below one
// directory, to read, to search, and where its operator says so to write. It knows
// nothing of Doorward; what a client may call is the gateway's affair.
package files

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"golang.org/x/sync/semaphore"

	"doorward/internal/kernelfs"
)

// Settings are what app makes a server of.
type Settings struct {
	Name    string   // of the upstream; resources are files://NAME/PATH
	Root    string   // the directory, absolute
	MaxFile int64    // bytes that one call reads or writes
	Write   bool     // files may be written, moved and deleted too
	Ignore  []string // patterns of what is not served, where none has a / of names; case is of no account
	Version string
}

// server is one directory that is served.
type server struct {
	tree
	set     Settings
	mcp     *mcp.Server
	writing chan struct{}       // taken by the one call that changes something: a digest that was compared stays true until the file is replaced
	room    *semaphore.Weighted // bytes of files that calls hold
	watched *watched
}

// maxHeld bounds the bytes of files that all calls of a server hold together; a call waits
// for its share. With what an answer makes of them it is some four times as much memory.
const maxHeld = 64 << 20

// hold waits until there is room for a file of so many bytes; leave gives the room back.
func (s *server) hold(ctx context.Context, size int64) (leave func(), err error) {
	size = min(max(size, 0), s.set.MaxFile, maxHeld)
	if err := s.room.Acquire(ctx, size); err != nil {
		return nil, context.Cause(ctx)
	}
	return func() { s.room.Release(size) }, nil
}

// trash is where deleted files are, below the root. No client sees it.
const trash = ".doorward-trash"

// New makes the server; stop ends what belongs to it. The directory must exist.
func New(set Settings) (s *mcp.Server, stop func(), err error) {
	root, err := os.OpenRoot(set.Root)
	if err != nil {
		return nil, nil, fmt.Errorf("opening root: %w", err)
	}
	if err := kernelfs.Refuse(root); err != nil {
		_ = root.Close()
		return nil, nil, fmt.Errorf("root %s: %w", set.Root, err)
	}
	ignore := make([]string, 0, len(set.Ignore))
	for _, p := range set.Ignore {
		ignore = append(ignore, plain(p))
	}
	own := &server{tree: tree{root, ignore}, set: set, writing: make(chan struct{}, 1), room: semaphore.NewWeighted(maxHeld)}
	own.mcp = mcp.NewServer(&mcp.Implementation{Name: "doorward-files", Title: "Files: " + set.Name, Version: set.Version}, &mcp.ServerOptions{
		Instructions: own.instructions(), Logger: slog.New(slog.DiscardHandler), // it would name files
		Capabilities:     &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}, Resources: &mcp.ResourceCapabilities{Subscribe: true}},
		SubscribeHandler: own.subscribe, UnsubscribeHandler: own.unsubscribe,
		SetCacheable: func(_ context.Context, _ mcp.Request, c *mcp.Cacheable) { c.CacheScope = "private" }, // policy decides for each client
	})
	own.watched = newWatched(own)
	own.reading()
	if set.Write {
		own.changing()
	}
	own.resources()
	return own.mcp, func() { own.watched.close(); _ = root.Close() }, nil
}

func (s *server) instructions() string {
	text := "Files below one directory. Paths are relative, with / between their parts. "
	if !s.set.Write {
		return text + "Nothing can be changed."
	}
	return text + "To replace, move or delete a file give the digest that stat says: a file that changed since is left alone. Deleted files go to a trash of the server's operator."
}

// tool adds a tool whose errors say what was wrong. A path that can be none is an error of
// the request (JSON-RPC -32602), everything else one of the tool.
func tool[In, Out any](s *server, t *mcp.Tool, do func(context.Context, *In) (*mcp.CallToolResult, Out, error)) {
	mcp.AddTool(s.mcp, t, func(ctx context.Context, _ *mcp.CallToolRequest, in In) (*mcp.CallToolResult, Out, error) {
		r, out, err := do(ctx, &in)
		if errors.Is(err, errPath) {
			err = &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: strings.TrimSpace(err.Error())}
		}
		return r, out, err
	})
}

func text(s string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: s}}}
}
