package demo

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/admin"
)

// held shows a call that would lead out of where it belongs, and one that runs
// once a person has agreed.
func (t *tour) held(ctx context.Context) error {
	return t.withClient(ctx, func(s *mcp.ClientSession) error {
		ok, said := try(ctx, s, "notes__read_note", map[string]any{"name": "../../../etc/passwd"})
		t.check(`notes__read_note {"name":"../../../etc/passwd"}: fits the schema, and is refused for what it means`, !ok, said)
		note := map[string]any{"name": "plan", "text": "ship it"}
		_, said = try(ctx, s, "notes__write_note", note)
		t.check("notes__write_note: waits for a lead, and is not carried out", said != "written", "")
		list, err := t.app.ListApprovals(ctx)
		if err != nil || len(list) != 1 {
			t.check("one call waits", false, "")
			return err
		}
		t.say("\n  doorward approve show %s\n    %s/%s %s", list[0].ID, list[0].Upstream, list[0].Name, list[0].Arguments)
		t.say("  DOORWARD_KEY=… doorward approve grant %s\n", list[0].ID)
		_, err = t.app.DecideApproval(ctx, "demo", admin.ApprovalDecision{ID: list[0].ID, Grant: true, Credential: t.key})
		t.check("its own caller cannot agree to it", err != nil, "")
		lead, err := t.app.CreateKey(ctx, "demo", admin.KeyRequest{Name: "lead", Roles: []string{"lead"}})
		if err != nil {
			return err
		}
		if _, err := t.app.DecideApproval(ctx, "demo", admin.ApprovalDecision{ID: list[0].ID, Grant: true, Credential: lead.Text}); err != nil {
			return err
		}
		ok, said = try(ctx, s, "notes__write_note", note)
		t.check("sent again, unchanged, it is carried out", ok && said == "written", said)
		_, said = try(ctx, s, "notes__write_note", note)
		t.check("and once: the next one waits again", said != "written", "")
		return nil
	})
}
