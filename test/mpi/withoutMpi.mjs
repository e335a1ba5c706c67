// What mpiGroup says where no library can be loaded.
import koffi from "koffi";

koffi.load = () => {
  throw new Error("no such file");
};
const { mpiGroup } = await import("vector-quantize-mpi");
await mpiGroup().catch((error) => console.log(error.message));
