"""Every setting, its type and its default. A row in docs/configuration.md and a test hold to this file."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from .scalars import Duration, Mass, Period

# Upper bounds are beyond what is sensible: they refuse .inf, which no sum survives.
Watts = Annotated[float, Meta(ge=0.0, le=1_000_000.0)]
PositiveWatts = Annotated[float, Meta(gt=0.0, le=1_000_000.0)]
Effectiveness = Annotated[float, Meta(ge=1.0, le=100.0)]
PerKilowattHour = Annotated[float, Meta(ge=0.0, le=1_000_000.0)]
NotNegative = Annotated[int, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]


class _Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping in the YAML file; unknown keys are refused."""


class Sampling(_Section, frozen=True):
    """How often devices and processes are read."""

    interval: Duration = Duration(5)  # 100ms to 10s; energy is exact at any, power is its mean over this


class Web(_Section, frozen=True):
    """Where Prometheus scrapes."""

    listen_address: str = "127.0.0.1:10044"  # HOST:PORT; the default is not reachable from other machines
    config_file: str = ""  # TLS and basic auth, the web.config.file format of Prometheus exporters
    hosts: str = ""  # more names it may be called by than its addresses and the machine's; commas between


class Path(_Section, frozen=True):
    """Roots of the kernel's file systems (a container mounts the host's elsewhere)."""

    procfs: str = "/proc"  # of the machine to measure; in a container, the host's
    sysfs: str = "/sys"  # of the machine to measure


class State(_Section, frozen=True):
    """Where the ledger survives a restart. Empty: totals are not kept, and the log says so."""

    dir: str = ""  # a directory of its own, writable
    save_interval: Duration = Duration(0)  # 0s: with every sample, before it is published


class Socket(_Section, frozen=True):
    """The clients' Unix socket. Empty: the first usable of /run/gramwatt and $XDG_RUNTIME_DIR/gramwatt."""

    path: str = ""  # a file name; its directory is made


class Log(_Section, frozen=True):
    """What is logged, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"  # from this level on
    format: Literal["logfmt", "json"] = "logfmt"  # one line each


class Process(_Section, frozen=True):
    """Per-process series: the N hottest, 0 for none, ``all`` for every process that has used energy."""

    series: NotNegative | Literal["all"] = 50  # processes with series of their own; the rest is `other`
    departed_scrapes: Count = 5  # scrapes for which an ended process keeps its last value, at least 2


class Rapl(_Section, frozen=True):
    """Intel and AMD energy counters (powercap)."""

    enabled: bool = True  # false: not even looked for
    idle_watts: Watts | None = None  # per package
    max_watts: PositiveWatts = 1000.0  # plausibility bound per zone


class Nvml(_Section, frozen=True):
    """NVIDIA GPUs."""

    enabled: bool = True  # false: not even looked for
    idle_watts: Watts | None = None  # per GPU


class Hwmon(_Section, frozen=True):
    """Power and energy of hwmon drivers (amdgpu, xe, i915, ACPI and Grace power meters)."""

    enabled: bool = True  # false: not even looked for
    idle_watts: Watts | None = None  # true idle draw per device, kept out of the processes' shares


class Amdsmi(_Section, frozen=True):
    """AMD GPUs through amdsmi (package ``amdsmi`` installed separately)."""

    enabled: bool = True  # false: not even looked for
    idle_watts: Watts | None = None  # true idle draw per GPU, kept out of the processes' shares


class Cray(_Section, frozen=True):
    """HPE Cray EX pm_counters."""

    enabled: bool = True  # false: not even looked for


class Ipmi(_Section, frozen=True):
    """Whole-machine power by IPMI DCMI (ipmitool or ipmi-dcmi), read by a thread of its own."""

    enabled: bool = False  # true: read it
    interval: Duration = Duration(10)  # time between reads; each takes up to seconds


class Redfish(_Section, frozen=True):
    """Whole-machine power by Redfish, read by a thread of its own."""

    enabled: bool = False  # true: read it
    url: str = ""  # of the management controller, https://HOST
    user: str = ""  # account with read access
    password_file: str = ""  # file that holds its password alone
    ca_file: str = ""  # certificate authority of the controller; empty: the system's
    interval: Duration = Duration(10)  # time between reads; each takes up to seconds


class Estimate(_Section, frozen=True):
    """The model used where nothing measures: CPU by TDP and utilisation, memory by size."""

    enabled: bool = True  # false: not even looked for
    cpu_tdp_watts: PositiveWatts | None = None  # full power of a CPU package; empty: by the fitted table
    idle_watts: Watts | None = None  # idle power of one CPU package; empty: by the fitted table
    memory: Literal["dimm", "size", "off"] = "dimm"  # dimm: by module; size: 3 W per 8 GB; off: none
    other: bool = False  # true: fans, disks, board and supply too, where no meter shows them


class Replay(_Section, frozen=True):
    """A recorded trace of readings before all other sources: for demonstrations and tests, never for a real machine."""

    file: str = ""  # JSON lines as in docs/sensors.md; empty: none


class Sensors(_Section, frozen=True):
    """Which sources are tried; the first that measures a device wins."""

    rapl: Rapl = field(default_factory=Rapl)
    nvml: Nvml = field(default_factory=Nvml)
    hwmon: Hwmon = field(default_factory=Hwmon)
    amdsmi: Amdsmi = field(default_factory=Amdsmi)
    cray: Cray = field(default_factory=Cray)
    ipmi: Ipmi = field(default_factory=Ipmi)
    redfish: Redfish = field(default_factory=Redfish)
    estimate: Estimate = field(default_factory=Estimate)
    replay: Replay = field(default_factory=Replay)


class _Provider(_Section, frozen=True, tag_field="kind"):
    """One entry of ``intensity.providers``."""


class Co2Signal(_Provider, frozen=True, tag="co2signal"):
    """CO2 Signal, in its legacy and its current shape."""

    token_file: str = ""  # or GRAMWATT_CO2SIGNAL_TOKEN
    base_url: str = "https://api.electricitymaps.com"  # the provider's address


class ElectricityMaps(_Provider, frozen=True, tag="electricitymaps"):
    """Electricity Maps v3 and v4."""

    token_file: str = ""  # or GRAMWATT_ELECTRICITYMAPS_TOKEN
    base_url: str = "https://api.electricitymaps.com"  # the provider's address
    version: Literal["v3", "v4"] = "v3"  # of the interface
    factor: Literal["lifecycle", "direct"] = "lifecycle"  # which emissions are counted
    estimations: bool = True  # false: measured values only


class CarbonIntensityUk(_Provider, frozen=True, tag="carbonintensity-uk"):
    """Great Britain, half-hourly."""

    base_url: str = "https://api.carbonintensity.org.uk"  # the provider's address


class Rte(_Provider, frozen=True, tag="rte"):
    """France, eco2mix. ``direct`` is RTE's own figure, ``lifecycle`` its generation times ``factors_file``."""

    base_url: str = "https://odre.opendatasoft.com"  # the provider's address
    factor: Literal["direct", "lifecycle"] = "direct"  # which emissions are counted


class EnergiDataService(_Provider, frozen=True, tag="energidataservice"):
    """Denmark, DK1 and DK2."""

    base_url: str = "https://api.energidataservice.dk"  # the provider's address


class EnergyCharts(_Provider, frozen=True, tag="energy-charts"):
    """Germany and other countries of Europe: their generation times ``factors_file``."""

    base_url: str = "https://api.energy-charts.info"  # the provider's address


class Entsoe(_Provider, frozen=True, tag="entsoe"):
    """Europe, the transparency platform of ENTSO-E: generation by type times ``factors_file``."""

    token_file: str = ""  # or GRAMWATT_ENTSOE_TOKEN
    base_url: str = "https://web-api.tp.entsoe.eu"  # the provider's address


class WattTime(_Provider, frozen=True, tag="watttime"):
    """Marginal intensity, its own series."""

    user: str = ""  # account name
    password_file: str = ""  # or GRAMWATT_WATTTIME_PASSWORD
    base_url: str = "https://api.watttime.org"  # the provider's address
    region: str = ""  # balancing authority, e.g. CAISO_NORTH; empty: from the zone


class Static(_Provider, frozen=True, tag="static"):
    """A configured number, or a schedule by local hour, per zone."""

    value: Annotated[float, Meta(ge=0.0, le=2000.0)] | None = None  # g/kWh
    hourly: list[Annotated[float, Meta(ge=0.0, le=2000.0)]] = []  # 24 values from midnight, local time
    zones: dict[str, Annotated[float, Meta(ge=0.0, le=2000.0)]] = {}  # zone -> g/kWh
    factor: Literal["lifecycle", "direct"] = "lifecycle"  # what the number counts


class Annual(_Provider, frozen=True, tag="annual"):
    """Yearly average of a country, or of a cloud region, from the built-in tables or an imported file."""

    file: str = ""  # from `intensity import`; empty: annual.csv in state.dir, then the built-in tables


Provider = (
    Co2Signal
    | ElectricityMaps
    | CarbonIntensityUk
    | Rte
    | EnergiDataService
    | EnergyCharts
    | Entsoe
    | WattTime
    | Static
    | Annual
)


class IntensityConfig(_Section, frozen=True):
    """Where grams per kilowatt-hour come from. No zone, no CO2."""

    zone: str = ""  # grid zone: a country (FR, FRA) or a part of one (US-CAL-CISO, DK-DK1)
    cloud: str = ""  # e.g. aws:eu-west-3; translated to a zone
    refresh: Duration = Duration(600)  # at most one call per provider in this time
    max_age: Duration = Duration(21600)  # older values give way to the next provider
    factors_file: str = ""  # life-cycle g/kWh per way of generating; empty: the built-in table (IPCC 2014)
    providers: list[Provider] = []  # see below; empty: the one whose token is set, then annual


class Budget(_Section, frozen=True):
    """An emission budget over workloads that match every given regular expression (whole match)."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]  # label of its series; unique
    limit: Mass  # for one period
    period: Period = Period(rolling=Duration(30 * 86400))  # rolling, or by the calendar in UTC
    match: dict[
        Literal["user", "workload", "kind", "command", "model", "project"], str
    ] = {}  # label -> regular expression (RE2) for the whole value; empty: the whole machine, idle too


class AutomaticWindow(_Section, frozen=True):
    """Workloads that are windows by themselves, from their first process to their last.

    A workload with processes of several users is one window; workloads.md says to which user it belongs.
    """

    kind: Literal["slurm", "job", "unit", "container", "pod"]  # what kind of workload
    match: str = ".*"  # regular expression (RE2) for its whole name
    phase: Literal["training", "inference"] = "training"  # of the window


class WindowsTcp(_Section, frozen=True):
    """The socket API over TCP, for clients that cannot reach the Unix socket. Off unless an address is set.

    A bearer token identifies the user: the caller may do what that user may (socket-api.md). Beyond loopback
    TLS is needed.
    """

    listen_address: str = ""  # HOST:PORT, such as 127.0.0.1:10046; empty: there is no such listener
    token_file: str = ""  # lines of USER TOKEN (name or uid); refused when others may read it
    config_file: str = ""  # TLS, as in `web.config_file`; its basic_auth_users have no meaning here
    plain_http: bool = False  # true: also beyond loopback without TLS; who reads that network has the tokens


class Workloads(_Section, frozen=True):
    """Workloads: how many, and how long an ended one is kept. What leaves goes into sums; nothing is lost."""

    keep: Duration = Duration(900)  # an ended workload keeps its series this long, at least 1m
    max: Count = 1000  # most workloads held at once; further ones share one account for each user
    series: Count | Literal["all"] = 40  # those that use most have series of their own, the rest is one row


class Windows(_Section, frozen=True):
    """Recorded windows."""

    retention: Duration = Duration(86400)  # a finished window stays this long, and at least 5 scrapes
    max: Count = 1000  # most windows held at once, finished ones included
    automatic: list[AutomaticWindow] = []  # workloads that are windows by themselves, see below
    slurm: bool = False  # every SLURM job is a window of its own
    tcp: WindowsTcp = field(default_factory=WindowsTcp)


class EmbodiedItem(_Section, frozen=True):
    """Manufacturing emissions of one part, written off evenly over its life."""

    emissions: Mass  # of one piece
    lifetime: Duration  # over which they are written off
    count: Count = 1  # how many pieces


class Price(_Section, frozen=True):
    """Electricity price; ``hourly`` (24 values, local time) wins over ``per_kilowatt_hour``."""

    currency: str = ""  # label of the series, e.g. EUR
    per_kilowatt_hour: PerKilowattHour | None = None  # a fixed price
    hourly: list[PerKilowattHour] = []  # 24 values from midnight, local time


class Machine(_Section, frozen=True):
    """What ``gramwatt_machine_info`` says of the machine. Rules join on it, so the id must not change.

    Without one it is a hash of the machine's machine-id, else of its firmware's UUID, else of its host name.
    """

    id: str = ""  # a name that stays; empty: made as said above
    node: str = ""  # a name for people; empty: the host name


class Water(_Section, frozen=True):
    """Water usage effectiveness."""

    litres_per_kilowatt_hour: PerKilowattHour | None = None  # the data centre's WUE


class Config(_Section, frozen=True):
    """The whole configuration file."""

    sampling: Sampling = field(default_factory=Sampling)
    web: Web = field(default_factory=Web)
    path: Path = field(default_factory=Path)
    state: State = field(default_factory=State)
    socket: Socket = field(default_factory=Socket)
    log: Log = field(default_factory=Log)
    process: Process = field(default_factory=Process)
    sensors: Sensors = field(default_factory=Sensors)
    pue: Effectiveness = 1.0  # power usage effectiveness; its overhead is a series of its own
    intensity: IntensityConfig = field(default_factory=IntensityConfig)
    budgets: list[Budget] = []  # see below
    windows: Windows = field(default_factory=Windows)
    workloads: Workloads = field(default_factory=Workloads)
    embodied: dict[str, EmbodiedItem] = {}  # name of a part -> its manufacturing emissions, see below
    price: Price = field(default_factory=Price)
    water: Water = field(default_factory=Water)
    machine: Machine = field(default_factory=Machine)
