import type {
  Exchanged,
  ProcessGroup,
} from "../../packages/vector-quantize/src/distributed/processGroup.ts";

interface Meeting {
  readonly call: string;
  readonly given: Exchanged[];
  present: number;
  readonly done: Promise<void>;
  open(): void;
}

/** What groups in one process have exchanged. */
export interface Traffic {
  /** Bytes that each process gave to collective calls, by their names. */
  readonly given: Record<string, number>;
}

/**
 * Processes in one: each of the groups is used by a function of its own, and their collective calls meet
 * as promises. Throws where two call different things.
 */
export function processes(size: number): { groups: ProcessGroup[]; traffic: Traffic } {
  const meetings = new Map<number, Meeting>();
  const traffic: Traffic = { given: {} };

  function meetingAt(number: number, call: string): Meeting {
    const known = meetings.get(number);
    if (known) {
      if (known.call !== call) throw new Error(`call ${number}: ${known.call} meets ${call}`);
      return known;
    }
    let open = () => {};
    const done = new Promise<void>((resolve) => {
      open = resolve;
    });
    const made: Meeting = { call, given: [], present: 0, done, open };
    meetings.set(number, made);
    return made;
  }

  const groups = Array.from({ length: size }, (_, rank): ProcessGroup => {
    let calls = 0;
    async function meet(call: string, own: Exchanged): Promise<Exchanged[]> {
      const number = calls++;
      const meeting = meetingAt(number, call);
      meeting.given[rank] = own.slice();
      traffic.given[call] = (traffic.given[call] ?? 0) + own.byteLength;
      if (++meeting.present === size) meeting.open();
      await meeting.done;
      meetings.delete(number);
      return meeting.given;
    }
    return {
      rank,
      size,
      async allReduce(values) {
        const all = await meet("allReduce", values);
        values.set(all[0] as never);
        for (const other of all.slice(1)) {
          for (let i = 0; i < values.length; i++) values[i]! += other[i] as number;
        }
      },
      async broadcast(values, root) {
        values.set((await meet("broadcast", values))[root] as never);
      },
      async allGather(part, lengths) {
        const all = await meet("allGather", part);
        if (lengths && String(lengths) !== String(all.map(({ length }) => length))) {
          throw new Error(`allGather: lengths ${all.map(({ length }) => length)}, not ${lengths}`);
        }
        const total = all.reduce((sum, { length }) => sum + length, 0);
        const whole = new (part.constructor as new (n: number) => typeof part)(total);
        let at = 0;
        for (const each of all) {
          whole.set(each as never, at);
          at += each.length;
        }
        return whole;
      },
      async barrier() {
        await meet("barrier", new Uint8Array(0));
      },
      abort(reason) {
        throw new Error(reason);
      },
    };
  });
  return { groups, traffic };
}

/** What each of `size` processes makes of `task`. */
export async function inProcesses<T>(
  size: number,
  task: (group: ProcessGroup) => Promise<T>,
): Promise<T[]> {
  return Promise.all(processes(size).groups.map(task));
}
