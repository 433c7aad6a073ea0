package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/durable"
)

// The files in the data directory: the records in one, and the sealed arguments of
// each approval in a file of its own, named by its id.
const (
	approvalsFileName = "approvals.json"
	approvalsLockName = "approvals.lock"
	approvalsArgsName = "approvals"
)

const (
	approvalsVersion = 1
	maxApprovalsFile = 64 << 20 // bytes; 2,000 usual records are 3 MB
)

// approvalsContent is the content of approvals.json.
type approvalsContent struct {
	Version   int              `json:"version"`
	Approvals []approvalOnDisk `json:"approvals"`
}

type approvalOnDisk struct {
	ID     string `json:"id"`
	Sealed []byte `json:"sealed"`
}

// approvalsFile keeps approvals.json: replaced whole, under a lock, as revoked.json
// is. Several processes may do so.
type approvalsFile struct {
	path, lockPath, dir string
	content             []byte // of what was read or written last
	seen                bool   // there was a file, so that there must be one
	latest              time.Time
}

// OpenFileApprovals opens the approvals in the data directory, which is made with
// 0700 when missing. Other processes may share it. Their seals are made with the
// key that signing secrets are sealed with. What cannot be read or opened is an
// error here, and later refuses everything.
func OpenFileApprovals(dir string) (*Approvals, error) {
	if err := os.MkdirAll(filepath.Join(dir, approvalsArgsName), 0o700); err != nil {
		return nil, fmt.Errorf("opening approvals: %w", err)
	}
	secret, err := openPepper(dir)
	if err != nil {
		return nil, fmt.Errorf("opening approvals: %w", err)
	}
	seals, err := newApprovalSeals(secret, approvalSealing)
	if err != nil {
		return nil, fmt.Errorf("opening approvals: %w", err)
	}
	f := &approvalsFile{
		path: filepath.Join(dir, approvalsFileName), lockPath: filepath.Join(dir, approvalsLockName),
		dir: filepath.Join(dir, approvalsArgsName),
	}
	if err := f.tidy(); err != nil {
		return nil, fmt.Errorf("opening approvals: %w", err)
	}
	return openApprovals(context.Background(), f, seals)
}

// tidy removes what a crash left: half of a file, and arguments without a record.
// What cannot be removed does no harm.
func (f *approvalsFile) tidy() error {
	unlock, err := f.lock()
	if err != nil {
		return err
	}
	defer unlock()
	view, _, err := f.read(context.Background(), nil)
	if err != nil {
		return err
	}
	durable.Drop(filepath.Dir(f.path), approvalsFileName)
	files, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		if _, known := view.sealed[file.Name()]; !known {
			_ = os.Remove(filepath.Join(f.dir, file.Name()))
		}
	}
	return nil
}

func (f *approvalsFile) lock() (unlock func(), err error) {
	lock, err := lockFile(f.lockPath)
	if err != nil {
		return nil, err
	}
	return func() { lock.Close() }, nil
}

// read also returns the time, which never runs back in one process.
func (f *approvalsFile) read(_ context.Context, have *approvalView) (*approvalView, time.Time, error) {
	content, _, err := readPrivate(f.path, maxApprovalsFile)
	if errors.Is(err, fs.ErrNotExist) && !f.seen {
		content, err = nil, nil // nobody has asked for anything yet
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	if have == nil || !bytes.Equal(content, f.content) {
		sealed, err := parseApprovals(content)
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("%s: %w", f.path, err)
		}
		have = &approvalView{sealed: sealed}
	}
	f.content, f.seen = content, content != nil
	if now := time.Now().Round(0).UTC(); now.After(f.latest) {
		f.latest = now
	}
	return have, f.latest, nil
}

// parseApprovals reads the records of approvals.json, and none of nothing.
func parseApprovals(content []byte) (map[string]string, error) {
	sealed := map[string]string{}
	if content == nil {
		return sealed, nil
	}
	var c approvalsContent
	if err := json.Unmarshal(content, &c, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	if c.Version != approvalsVersion {
		return nil, fmt.Errorf("version %d, this program knows version %d", c.Version, approvalsVersion)
	}
	if len(c.Approvals) > maxRecords {
		return nil, fmt.Errorf("more than %d approvals", maxRecords)
	}
	for i, a := range c.Approvals {
		if _, doubled := sealed[a.ID]; doubled || !isApprovalID(a.ID) {
			return nil, fmt.Errorf("approval %d: its id is wrong or doubled", i+1)
		}
		sealed[a.ID] = string(a.Sealed)
	}
	return sealed, nil
}

// write writes new arguments first and removes old ones last, so that no record is
// ever without.
func (f *approvalsFile) write(_ context.Context, from *approvalView, what *approvalChange) (*approvalView, error) {
	next := from.with(what, "")
	c := approvalsContent{Version: approvalsVersion, Approvals: make([]approvalOnDisk, 0, len(next.sealed))}
	for id, sealed := range next.sealed {
		c.Approvals = append(c.Approvals, approvalOnDisk{id, []byte(sealed)})
	}
	slices.SortFunc(c.Approvals, func(a, b approvalOnDisk) int { return bytes.Compare([]byte(a.ID), []byte(b.ID)) })
	content, err := json.Marshal(c, jsontext.WithIndent("  "))
	if err != nil {
		return nil, err
	}
	content = append(content, '\n')
	if len(content) > maxApprovalsFile {
		return nil, fmt.Errorf("%s would be larger than %d bytes", f.path, maxApprovalsFile)
	}
	for id, sealed := range what.arguments {
		if err := durable.Replace(filepath.Join(f.dir, id), []byte(sealed)); err != nil {
			return nil, err
		}
	}
	if !what.before.IsZero() && !time.Now().Before(what.before) {
		return nil, nil // it has expired meanwhile
	}
	if err := durable.Replace(f.path, content); err != nil {
		return nil, err
	}
	f.content, f.seen = content, true
	for _, id := range what.drop {
		_ = os.Remove(filepath.Join(f.dir, id)) // there may be none; the next start tries again
	}
	return next, nil
}

func (f *approvalsFile) arguments(_ context.Context, _ *approvalView, ids []string) (map[string]string, error) {
	found := make(map[string]string, len(ids))
	for _, id := range ids {
		content, _, err := readPrivate(filepath.Join(f.dir, id), maxArguments+sealOverhead)
		if err != nil {
			return nil, err
		}
		found[id] = string(content)
	}
	return found, nil
}
