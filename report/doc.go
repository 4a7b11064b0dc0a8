// Package report folds the journal of a trial into a [Summary] and shows that
// as text, JSON, HTML, Markdown, JUnit, CSV and OpenMetrics, and to GitHub Actions.
//
// A report is a pure function of the journal: [FromJournal] on the same bytes
// gives the same summary and the same pages, today or in a year, whether the
// trial ran to its end or was cut short. A journal that is damaged still gives
// a report of what is there, with the verdict "invalid".
//
//	summary, page, err := report.FromJournal(file)
//	err = report.Text(os.Stdout, summary, report.Style{})
//	err = report.HTML(htmlFile, page)
//
// How figures are made:
//   - Everything is counted by the time a request was due, in intervals of
//     100 ms. An interval that overlaps a fault's presence belongs to the fault
//     phase. The warm-up, due before second zero, is left out.
//   - Latency runs from the due time, service time from the sending. Failed and
//     timed-out requests are in both, with the time that they took. Quantiles
//     are nearest-rank and at most 0.1 % too long, see [journal.Quantile].
//   - Availability is succeeded ÷ planned requests.
//   - An objective is judged for each load. A dropped request was never
//     answered: it counts as slower than every bound.
package report
