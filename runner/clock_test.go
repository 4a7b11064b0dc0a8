package runner_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// allowed are the files that may use what the others may not, with the reason.
var allowed = map[string]string{
	"../runner/ledger.go":   "sync: a mutex around file writes, never held across a wait of the clock",
	"../runner/sink.go":     "sync: a mutex around memory, never held across a wait of the clock",
	"../runner/many.go":     "runs whole trials side by side, each with a clock of its own; waits for no trial's time",
	"../runner/guardian.go": "a process of its own, outside every trial's clock",
}

// durations is what of package time is no clock.
var durations = map[string]bool{"Duration": true, "Nanosecond": true, "Microsecond": true,
	"Millisecond": true, "Second": true, "Minute": true, "Hour": true, "ParseDuration": true}

func TestRunnerAndFaultsWaitOnTheSitesClockOnly(t *testing.T) {
	for _, pattern := range []string{"../runner/*.go", "../faults/*.go"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") || allowed[path] != "" {
				continue
			}
			checkFile(t, path)
		}
	}
}

func checkFile(t *testing.T, path string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			t.Errorf("%s: a raw go statement: use the site's clock", files.Position(n.Pos()))
		case *ast.SelectStmt:
			t.Errorf("%s: a raw select: use the site's clock", files.Position(n.Pos()))
		case *ast.ImportSpec:
			if n.Path.Value == `"sync"` {
				t.Errorf("%s: imports sync: the clock runs one task at a time in the simulator", files.Position(n.Pos()))
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && !durations[n.Sel.Name] {
				t.Errorf("%s: time.%s: use the site's clock", files.Position(n.Pos()), n.Sel.Name)
			}
		}
		return true
	})
}
