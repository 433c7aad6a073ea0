package resolve

import (
	"context"
	"slices"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// task resolves what a client says of a task: to the tool whose call made it,
// which must be there and approved as if it were called again. The id gives
// access to nothing. Whatever is wrong with it is refused in the same words, so
// that nobody learns by an id whose it is (security case TEN-11).
func (l *lookup) task(ctx context.Context) (gate.Verdict, error) {
	ex := l.ex
	if v := l.declaresTasks(); v.Effect != gate.Continue {
		return v, nil
	}
	if l.tasks == nil {
		return noTask("this gateway has no tasks"), nil
	}
	task, ok := l.tasks.Task(ex)
	switch {
	case !ok:
		return noTask("not an id that this principal was given here, or an old one"), nil
	case slices.Contains(l.contained, task.Upstream):
		return unavailable(), nil
	case !l.candidate(task.Upstream):
		return noTask("no such upstream for this principal"), nil
	}
	it, found, err := l.find(ctx, task.Upstream, gate.Tool, task.Tool)
	if err != nil {
		return gate.Verdict{}, err
	}
	if !found {
		return noTask("the upstream no longer has the tool that made the task"), nil
	}
	l.show(&it)
	v, err := l.approved(ctx, it, it.Shown)
	if err == nil && v.Effect == gate.Continue {
		ex.Target.Task = &task
	}
	return v, err
}

// declaresTasks refuses a stateless client that did not declare tasks where that
// is a must (2026-07-28, extension tasks, protocol errors).
func (l *lookup) declaresTasks() gate.Verdict {
	if l.ex.Call.Era == gate.Stateless && !mcp.DeclaresTasks(mcp.CapabilitiesOf(l.ex)) {
		return gate.Refuse(gate.CodeCapability, "the client did not declare tasks",
			"this needs the extension "+mcp.ExtensionTasks+" among the client's capabilities")
	}
	return gate.Pass()
}

// hearsOfTasks is declaresTasks for a listen that names tasks. None of them is
// honoured: their states are had by asking.
func (l *lookup) hearsOfTasks() gate.Verdict {
	if l.ex.Call.Message == nil || !mcp.NamesTasks(l.ex.Call.Message) {
		return gate.Pass()
	}
	return l.declaresTasks()
}

func noTask(reason string) gate.Verdict {
	return gate.Refuse(gate.CodeUnknownTask, reason, "no such task")
}
