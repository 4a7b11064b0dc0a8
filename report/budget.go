package report

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/report/statistics"
)

// Month is what error budgets are counted over: 30 days.
const Month = 30 * 24 * time.Hour

// Budget is what the trial means to one load's SLO of availability, whose error
// budget is 1 - objective.
type Budget struct {
	Load      string  `json:"load"`
	Objective float64 `json:"objective"`
	// Requests is the availability by requests, Windows that by time: the share
	// of seconds, among those in which anything was due, that kept the objective.
	Requests *float64 `json:"request_availability"`
	Windows  *float64 `json:"window_availability"`
	// BurnRate is how many times faster than a budget that lasts exactly its
	// period the trial spent its own: unavailability ÷ (1 - objective).
	// FaultBurnRate is that of the fault phase.
	BurnRate      *float64 `json:"burn_rate"`
	FaultBurnRate *float64 `json:"fault_burn_rate"`
	// BadSeconds is how long a total outage would have to last to fail as many
	// requests as failed since the first injection; MonthSpent is the share of a
	// month's budget that this is.
	BadSeconds seatrial.Seconds `json:"bad_seconds"`
	MonthSpent *float64         `json:"month_spent"`
	// HurtSeconds counts the requests that were too slow, too.
	HurtSeconds seatrial.Seconds `json:"hurt_seconds"`
	// Monthly is what the fault costs as often as it occurs; null where the
	// scenario does not say how often that is, or the trial is invalid.
	Monthly *Monthly `json:"monthly"`
}

// Monthly is the expected cost of a fault in a month, if it comes at random and
// always costs what it did in this trial.
type Monthly struct {
	Fault string           `json:"fault"`
	Every seatrial.Seconds `json:"every"`
	Per   string           `json:"per"`   // node or cluster
	Nodes int              `json:"nodes"` // of the workload, in this trial
	// Times is the expected number of times; Low and High bound it, in 95 months
	// of 100 (Poisson).
	Times float64 `json:"times"`
	Low   int     `json:"times_low"`
	High  int     `json:"times_high"`
	// Availability is the expected one of a month; Worst and Best are those of
	// High and Low.
	Availability float64 `json:"availability"`
	Worst        float64 `json:"availability_worst"`
	Best         float64 `json:"availability_best"`
	Spent        float64 `json:"budget_spent"` // of the month's budget, expected
	// SpentHurt counts requests that were too slow, too.
	SpentHurt float64 `json:"budget_spent_hurt"`
	// Holds is the share of months in which the objective is kept.
	Holds float64 `json:"holds"`
	// AtLeast: the system had not recovered when the load ended, so that the
	// fault costs more than was seen.
	AtLeast bool `json:"at_least,omitempty"`
}

// budgets has an entry for each load whose availability the SLO speaks of.
func (f *Fold) budgets(s *Summary, h journal.Header, l life) []Budget {
	objective := h.SLO.Availability
	if objective <= 0 || objective >= 1 {
		return nil
	}
	var list []Budget
	for _, name := range f.loadNames() {
		all := f.window.sum(name, 0, forever)
		if all.Planned == 0 {
			continue
		}
		b := Budget{Load: name, Objective: objective, Requests: ratio(all.Succeeded, all.Planned), Windows: f.windows(name, objective)}
		b.BurnRate = burn(all, objective)
		if l.injected != nil {
			from, to := l.present()
			b.FaultBurnRate = burn(f.window.sum(name, from, to), objective)
			since := f.window.sum(name, from, forever)
			begin := (from + seatrial.Width - 1).Truncate(seatrial.Width) // of the first interval
			if rate := float64(since.Planned) / (f.window.end() - begin).Seconds(); since.Planned > 0 {
				b.BadSeconds = seatrial.Seconds(tidy(float64(since.Planned-since.Succeeded) / rate))
				b.HurtSeconds = seatrial.Seconds(tidy(float64(since.Hurt) / rate))
			}
			b.MonthSpent = ptr(tidy(float64(b.BadSeconds) / (Month.Seconds() * (1 - objective))))
		}
		if s.Verdict != seatrial.Invalid {
			b.Monthly = monthly(s, h, b)
		}
		list = append(list, b)
	}
	return list
}

func burn(sum *seatrial.Interval, objective float64) *float64 {
	if sum.Planned == 0 {
		return nil
	}
	return ptr(tidy(float64(sum.Planned-sum.Succeeded) / float64(sum.Planned) / (1 - objective)))
}

// windows is the share of seconds, cut from the trial's start without overlap,
// that kept the objective.
func (f *Fold) windows(load string, objective float64) *float64 {
	kept, all, due, well := int64(0), int64(0), int64(0), int64(0)
	judge := func() {
		if share := ratio(well, due); share != nil {
			all++
			if *share >= objective {
				kept++
			}
		}
		due, well = 0, 0
	}
	now := time.Duration(0)
	for start, s := range f.window.between(0, forever) {
		if start >= now+second {
			judge()
			now = start.Truncate(second)
		}
		if iv := s[load]; iv != nil {
			due, well = due+iv.Planned, well+iv.Succeeded
		}
	}
	judge()
	return ratio(kept, all)
}

// monthly multiplies what the trial's fault cost with how often it occurs. The
// scenario's rules see to it that only one fault says so.
func monthly(s *Summary, h journal.Header, b Budget) *Monthly {
	for i, planned := range h.Faults {
		// Scenarios ask for more than a minute; a journal may say anything.
		if planned.Every < 1 || i >= len(s.Faults) || s.Faults[i].InjectedAt == nil {
			continue
		}
		m := Monthly{Fault: planned.Name, Every: planned.Every, Per: planned.Per, Nodes: workers(h),
			AtLeast: s.Impact.TimeToRecover == nil}
		m.Times = Month.Seconds() / float64(planned.Every)
		if planned.Per == "node" {
			// What struck two nodes at once stands for two nodes' turns.
			m.Times *= float64(m.Nodes) / float64(max(1, nodesStruck(s.Faults[i])))
		}
		m.Times = tidy(m.Times)
		m.Low, m.High = statistics.PoissonQuantile(0.025, m.Times), statistics.PoissonQuantile(0.975, m.Times)
		after := func(times float64) float64 {
			return tidy(max(0, 1-times*float64(b.BadSeconds)/Month.Seconds()))
		}
		m.Availability, m.Best, m.Worst = after(m.Times), after(float64(m.Low)), after(float64(m.High))
		budget := Month.Seconds() * (1 - b.Objective)
		m.Spent, m.SpentHurt = tidy(m.Times*float64(b.BadSeconds)/budget), tidy(m.Times*float64(b.HurtSeconds)/budget)
		m.Holds = 1
		if b.BadSeconds > 0 {
			affordable := min(math.Floor(budget/float64(b.BadSeconds)+1e-9), 1e12)
			m.Holds = tidy(statistics.PoissonUpTo(int(affordable), m.Times))
		}
		return &m
	}
	return nil
}

// workers counts the nodes for the workload.
func workers(h journal.Header) int {
	n := 0
	for _, node := range h.Nodes {
		if !node.ControlPlane && !node.Agents {
			n++
		}
	}
	return n
}

func nodesStruck(f Fault) int {
	n := 0
	for _, t := range f.Targets {
		if strings.HasPrefix(t, "node/") {
			n++
		}
	}
	return n
}

// budgetWords says what the trial means to the SLO.
func budgetWords(s *Summary) []pair {
	var list []pair
	for _, b := range s.Budget {
		text := fmt.Sprintf("%s of the requests succeeded, and %s of the seconds kept %s", maybePercent(b.Requests), maybePercent(b.Windows), percent(b.Objective))
		if b.BurnRate != nil {
			text += fmt.Sprintf("; the budget burnt at %s times the rate that it allows", significant(*b.BurnRate))
		}
		if b.FaultBurnRate != nil {
			text += fmt.Sprintf(", at %s during the %s", significant(*b.FaultBurnRate), faultWord(s))
		}
		if b.MonthSpent != nil {
			text += fmt.Sprintf("; one such %s is as bad as an outage of %s, %s of a month's budget (of %s, counting slow ones too)",
				faultWord(s), seconds(b.BadSeconds), percent(*b.MonthSpent), seconds(b.HurtSeconds))
		}
		list = append(list, pair{"budget of load " + b.Load, text})
		if b.Monthly != nil {
			list = append(list, pair{"a month of load " + b.Load, b.Monthly.words(b.Objective)})
		}
	}
	return list
}

func (m *Monthly) words(objective float64) string {
	every := "every " + longTime(m.Every.Duration())
	if m.Per == "node" {
		every += fmt.Sprintf(" on each of %s", plural(int64(m.Nodes), "node"))
	}
	least := ""
	if m.AtLeast {
		least = "at least "
	}
	return fmt.Sprintf("%s comes %s, so %s times a month (%d to %d in 95 months of 100), and takes %s%s of the budget (%s, counting slow ones too): availability %s (%s to %s); %s holds in %s of the months",
		m.Fault, every, significant(m.Times), m.Low, m.High, least, percent(m.Spent), percent(m.SpentHurt), percent(m.Availability),
		percent(m.Worst), percent(m.Best), percent(objective), percent(m.Holds))
}

// longTime shows a long time in days or hours where these are whole.
func longTime(d time.Duration) string {
	switch {
	case d >= 48*time.Hour && d%(24*time.Hour) == 0:
		return plural(int64(d/(24*time.Hour)), "day")
	case d%time.Hour == 0:
		return plural(int64(d/time.Hour), "hour")
	}
	return d.String()
}
