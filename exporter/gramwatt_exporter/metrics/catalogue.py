"""Every metric the exporter publishes: name, type, unit, labels and help. Docs, rules, dashboards are held to it.

Base units are joules, watts, grams, seconds and ratios. No label is called zone, region, type or host: service
discovery owns those names.
"""

from __future__ import annotations

from .metric import Metric, counter, gauge

CATALOGUE: tuple[Metric, ...] = (
    # --- devices
    counter(
        "device_energy_joules",
        "joules",
        "component device source",
        "Energy drawn by a device since the ledger began, hardware wraps and resets removed. Summing over devices gives the node.",
    ),
    gauge(
        "device_power_watts",
        "watts",
        "component device source",
        "Mean power of a device over the last sampling interval; no sample where it was not measured. A slow meter's last value stands for a minute, or two of its intervals.",
    ),
    counter(
        "device_emissions_grams",
        "grams",
        "component device",
        "CO2 equivalent of a device: every energy step times the grid intensity in force at that moment.",
    ),
    counter(
        "device_energy_partition_joules",
        "joules",
        "component device part",
        "Where a device's energy went: idle, live and exited processes, or unattributed. The parts sum to gramwatt_device_energy_joules_total.",
    ),
    counter(
        "device_context_energy_joules",
        "joules",
        "component device",
        "Part of live and exited: what a GPU drew above its idle draw for open contexts while no process worked.",
    ),
    gauge(
        "device_power_uncertainty_ratio",
        "ratio",
        "component device",
        "One sigma of the power as a share of its value: about 0.05 when measured, 0.5 when modelled.",
    ),
    gauge(
        "idle_baseline_info",
        "info",
        "component device method",
        "Always 1; method says how the idle draw of a device is known: configured, quiet (measured while no process used it), fitted (to its power at other loads), model (its class), residence (memory: the share that is not in use) or none.",
    ),
    gauge(
        "idle_baseline_watts",
        "watts",
        "component device",
        "Idle draw that is kept out of the processes' shares. Absent while none is known.",
    ),
    gauge(
        "idle_baseline_uncertainty_ratio",
        "ratio",
        "component device",
        "One sigma of the idle draw as a share of its value; 0 where it is configured.",
    ),
    gauge(
        "idle_baseline_since_timestamp_seconds",
        "seconds",
        "component device",
        "Unix time since which the idle draw is known by its present method. Absent where it is configured.",
    ),
    gauge("gpu_info", "info", "device model", "Always 1; what a GPU is, as its driver names it."),
    gauge(
        "gpu_power_limit_watts", "watts", "device", "Power that a GPU is held to, by its driver's setting."
    ),
    gauge("gpu_memory_bytes", "bytes", "device", "Memory of a GPU."),
    gauge(
        "gpu_memory_used_bytes", "bytes", "device", "Memory of a GPU that is in use, as its driver says it."
    ),
    gauge(
        "process_gpu_memory_bytes",
        "bytes",
        "pid command workload user device",
        "Memory of a GPU that a process holds, whether or not it works, where the driver says it. Of at most as many processes as may have series (process.series), the largest holders.",
    ),
    counter(
        "meter_energy_joules",
        "joules",
        "meter source relation",
        "Meters that overlap with devices (core inside package, a platform meter around it). Never add these to devices.",
    ),
    counter(
        "meter_resets",
        "1",
        "component device",
        "Counter steps that were a reset or implausible and therefore not booked.",
    ),
    # --- processes and workloads
    counter(
        "process_energy_joules",
        "joules",
        "pid command workload user component",
        'Energy of the hottest processes since they entered the list; pid="" command="other" is everybody else, command="departed" is rows that have left and command="entering" what rows hold that show 0 until they have been scraped. All rows sum to the live and exited parts; rates are of pid!="" and command="other" alone.',
    ),
    counter(
        "process_emissions_grams",
        "grams",
        "pid command workload user component",
        "CO2 equivalent of the hottest processes, rows as for gramwatt_process_energy_joules_total.",
    ),
    gauge(
        "process_power_watts",
        "watts",
        "pid command workload user component",
        "Mean power of a process over the last sampling interval.",
    ),
    counter(
        "process_cpu_seconds",
        "seconds",
        "pid command workload user",
        "CPU time of the hottest processes since they entered the list.",
    ),
    counter(
        "workload_energy_joules",
        "joules",
        "workload kind user component",
        "Energy of a workload (systemd unit, container, pod, SLURM job, session or command). Never resets when a process exits.",
    ),
    counter(
        "workload_emissions_grams", "grams", "workload kind user component", "CO2 equivalent of a workload."
    ),
    counter(
        "workload_cpu_seconds",
        "seconds",
        "workload kind user",
        "CPU time of a workload, exited processes included.",
    ),
    counter(
        "workload_departed_energy_joules",
        "joules",
        "kind user component",
        'Energy of workloads that ended long ago and gave up their series to new ones, in kind="unlisted" of those without series (workloads.series), and in kind="entering" of those that show 0 until they have been scraped. With the workload series it sums to the live and exited parts; it jumps when one leaves or enters, so never put it into a rate.',
    ),
    counter(
        "workload_departed_emissions_grams",
        "grams",
        "kind user component",
        "CO2 equivalent of those workloads.",
    ),
    counter("workload_departed_cpu_seconds", "seconds", "kind user", "CPU time of those workloads."),
    counter(
        "user_energy_joules",
        "joules",
        "user kind component",
        "Energy of all workloads of a user, by kind of workload. It never leaves and never resets.",
    ),
    counter(
        "user_emissions_grams", "grams", "user kind component", "CO2 equivalent of all workloads of a user."
    ),
    gauge("processes", "1", "", "Processes known at the last sample."),
    gauge(
        "workloads",
        "1",
        "state",
        "Workloads held: listed have series of their own, unlisted are one row of gramwatt_workload_departed_* (workloads.series).",
    ),
    gauge(
        "workloads_max",
        "1",
        "",
        "Most workloads held at once (workloads.max); further ones share one per user.",
    ),
    # --- grid
    gauge(
        "grid_intensity_grams_per_kilowatt_hour",
        "g/kWh",
        "grid_zone provider basis",
        "Carbon intensity of the grid in force now.",
    ),
    gauge(
        "grid_intensity_timestamp_seconds",
        "seconds",
        "grid_zone provider basis",
        "Unix time the intensity value is valid for; its age is time() minus this.",
    ),
    gauge(
        "grid_intensity_info",
        "info",
        "grid_zone provider basis method factor source",
        "Always 1; how the intensity value was obtained: method (measured, estimated, annual, configured), factor (lifecycle, direct) and, of a yearly average, source with year and licence.",
    ),
    gauge(
        "grid_intensity_forecast_grams_per_kilowatt_hour",
        "g/kWh",
        "grid_zone horizon_hours",
        "Forecast carbon intensity, by whole hours ahead.",
    ),
    gauge(
        "grid_best_start_timestamp_seconds",
        "seconds",
        "grid_zone hours",
        "Unix time at which the cleanest so many hours of the forecast begin.",
    ),
    gauge(
        "grid_best_intensity_grams_per_kilowatt_hour",
        "g/kWh",
        "grid_zone hours",
        "Mean forecast intensity of the cleanest so many hours, from gramwatt_grid_best_start_timestamp_seconds on.",
    ),
    gauge(
        "grid_generation_ratio",
        "ratio",
        "grid_zone way",
        "Share of a way of generating (wind, coal, nuclear, ...) of the grid's electricity, where the provider reports it.",
    ),
    gauge(
        "grid_renewable_ratio",
        "ratio",
        "grid_zone",
        "Renewable share of the grid's production, where the provider reports it.",
    ),
    gauge(
        "grid_fossil_ratio",
        "ratio",
        "grid_zone",
        "Fossil share of the grid's production, where the provider reports it.",
    ),
    counter("grid_refresh_failures", "1", "provider reason", "Failed fetches of grid intensity."),
    counter(
        "priced_energy_joules",
        "joules",
        "provider method",
        'Energy by the intensity that priced it; method="none" is energy without a known intensity. Sums to the energy of all devices.',
    ),
    counter(
        "priced_emissions_grams",
        "grams",
        "provider method",
        "Emissions by the intensity that priced them. Sums to the emissions of all devices.",
    ),
    gauge(
        "emissions_revision_grams",
        "grams",
        "grid_zone",
        "Grams by which the total would change if intensities revised since were used. The counters never go back.",
    ),
    counter(
        "marginal_emissions_grams",
        "grams",
        "grid_zone provider",
        "Energy of all devices priced with the marginal intensity. A different question from the average: never add the two.",
    ),
    # --- other factors, never mixed into operational grams
    gauge(
        "pue_ratio",
        "ratio",
        "",
        "Configured power usage effectiveness. Energy and emissions elsewhere are of the machine alone.",
    ),
    counter(
        "facility_overhead_energy_joules",
        "joules",
        "",
        "Energy of all devices times (PUE - 1): cooling and supply outside the machine.",
    ),
    counter(
        "facility_overhead_emissions_grams", "grams", "", "CO2 equivalent of the facility's overhead energy."
    ),
    counter(
        "embodied_emissions_grams",
        "grams",
        "part",
        "Share of the manufacturing emissions of a part of the machine, written off over its configured lifetime.",
    ),
    gauge(
        "energy_price_per_kilowatt_hour",
        "currency/kWh",
        "currency",
        "Configured electricity price in force now.",
    ),
    counter(
        "energy_cost",
        "currency",
        "currency",
        "Energy of all devices times the price in force at that moment.",
    ),
    counter(
        "water_litres",
        "litres",
        "",
        "Water used: energy of all devices times the configured litres per kilowatt-hour (WUE).",
    ),
    # --- recorded windows
    counter(
        "window_energy_joules",
        "joules",
        "window component",
        "Energy of a recorded window's own process tree, short-lived children and GPU share included.",
    ),
    counter("window_emissions_grams", "grams", "window component", "CO2 equivalent of a recorded window."),
    counter("window_cpu_seconds", "seconds", "window", "CPU time of a recorded window's process tree."),
    gauge(
        "window_info",
        "info",
        "window name phase model task dataset parent user",
        "Always 1; what a recorded window is.",
    ),
    gauge(
        "window_hardware_info",
        "info",
        "window component model devices",
        "Always 1; a model of CPU or GPU that the window's machine has, with their number, where the window used energy of the component.",
    ),
    gauge(
        "window_boundary_info",
        "info",
        "window boundary",
        "Always 1; machine for a window whose energy is that of every device, idle draw included. Absent for one of processes.",
    ),
    gauge(
        "window_outcome_info",
        "info",
        "window outcome detail",
        "Always 1; how a finished window ended: exit_code, signal, exception, stop, exit, limit, ended; and which.",
    ),
    gauge(
        "window_project_info",
        "info",
        "window project",
        "Always 1; the project that the owner of a window names (tag project). Parts of other windows have none.",
    ),
    gauge(
        "window_software_info",
        "info",
        "window software",
        "Always 1; the software that a window ran, as its owner names it (tag software).",
    ),
    gauge(
        "process_window_info",
        "info",
        "pid command workload user window",
        "Always 1; the recorded window that a listed process is in, the innermost where there are several.",
    ),
    counter(
        "project_energy_joules",
        "joules",
        "project component",
        "Energy of the recorded windows that name a project (tag project), those excepted that are parts of others. It never leaves and never resets.",
    ),
    counter(
        "project_emissions_grams",
        "grams",
        "project component",
        "CO2 equivalent of the recorded windows that name a project.",
    ),
    gauge("window_state", "1", "window state", "1 for the state (open, finished) a recorded window is in."),
    gauge(
        "window_start_timestamp_seconds", "seconds", "window", "Unix time at which a recorded window began."
    ),
    gauge(
        "window_end_timestamp_seconds",
        "seconds",
        "window",
        "Unix time at which a recorded window ended. Absent while it is open.",
    ),
    gauge(
        "window_value",
        "1",
        "window key",
        "What the window's owner recorded: samples, tokens, requests, accuracy and the like.",
    ),
    gauge(
        "window_uncertainty_ratio",
        "ratio",
        "window",
        "One sigma of the window's energy as a share of its value.",
    ),
    gauge(
        "window_missed_seconds",
        "seconds",
        "window",
        "Time of the window in which its use is not known: the exporter was down, or a sample failed.",
    ),
    gauge(
        "window_floor_joules",
        "joules",
        "window",
        "The least energy that the window's sensors can resolve: below it the energy means less than this.",
    ),
    gauge(
        "window_unknown_energy_joules",
        "joules",
        "window component",
        "Energy beyond gramwatt_window_energy_joules_total that may be the window's own, at most: a GPU was lost, or the driver does not report the processes. Absent while there is none.",
    ),
    gauge("windows", "1", "state", "Recorded windows held by the exporter."),
    # --- budgets
    gauge("budget_limit_grams", "grams", "budget", "Emission budget for one period."),
    gauge("budget_period_seconds", "seconds", "budget", "Length of the budget's current period."),
    gauge(
        "budget_period_info",
        "info",
        "budget period",
        "Always 1; period is a calendar period in UTC (day, week, month, quarter, year) or the length of a rolling one.",
    ),
    counter(
        "budget_emissions_grams",
        "grams",
        "budget",
        "Emissions that match the budget, since the ledger began.",
    ),
    gauge(
        "budget_period_emissions_grams",
        "grams",
        "budget",
        "Emissions that match the budget in the current period.",
    ),
    gauge(
        "budget_period_start_timestamp_seconds",
        "seconds",
        "budget",
        "Unix time at which the budget's current period began.",
    ),
    # --- the exporter itself
    gauge(
        "sensor_up",
        "1",
        "sensor reason",
        "1 while a sensor delivers; else 0 and why: absent, denied, error, lost,"
        " disabled, stale, still, refused, below.",
    ),
    counter("sensor_read_failures", "1", "sensor reason", "Failed reads of a sensor."),
    gauge("sensor_read_duration_seconds", "seconds", "sensor", "Duration of the last read of a sensor."),
    counter(
        "exits_observed",
        "1",
        "mode",
        "Process exits seen by the mode in force: taskstats, cutime or residual.",
    ),
    counter(
        "exits_lost", "1", "", 'Exit messages the kernel dropped; their energy is in part="unattributed".'
    ),
    counter(
        "cpu_overbooked_samples",
        "1",
        "",
        "Samples that charged processes more CPU time than the CPUs had: a fault of the exporter.",
    ),
    counter(
        "cpu_overbooked_seconds",
        "seconds",
        "",
        "CPU time that those samples charged beyond what the CPUs had.",
    ),
    gauge(
        "exit_mode_info",
        "info",
        "mode",
        "Always 1; how processes that live and die between two samples are charged: taskstats, cutime or residual.",
    ),
    gauge(
        "process_clock_info",
        "info",
        "method",
        "Always 1; how CPU time of processes is read: clock, stat or psutil.",
    ),
    gauge("sample_duration_seconds", "seconds", "", "Duration of the last sample."),
    counter("samples", "1", "", "Samples taken."),
    counter("sample_failures", "1", "", "Samples that ended in an error and were retried."),
    gauge("snapshot_timestamp_seconds", "seconds", "", "Unix time of the sample all other values belong to."),
    gauge(
        "state_saved_timestamp_seconds",
        "seconds",
        "",
        "Unix time the ledger was last saved. Absent when no state directory is in use.",
    ),
    counter("state_save_failures", "1", "", "Failed saves of the ledger."),
    counter(
        "state_damages",
        "1",
        "continued_from",
        "Starts that met a damaged ledger, by what totals went on from: last (without the damaged windows or"
        " budgets), previous (the ledger kept before it), nothing (totals began at zero).",
    ),
    gauge(
        "machine_info",
        "info",
        "machine node",
        "Always 1; machine is an id that stays over reboots and is the same whoever collects it, node the host name.",
    ),
    gauge("build_info", "info", "version python", "Always 1; which exporter this is."),
)

BY_NAME = {metric.name: metric for metric in CATALOGUE}
