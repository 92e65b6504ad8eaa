// Serve one client with the OpenIGTLink library, as a tracker would: TRANSFORM, TDATA, POSITION,
// STATUS and STRING, COUNT times, 5 ms apart.
//
//   send_stream PORT COUNT

#include <cstdio>
#include <cstdlib>

#include "igtlOSUtil.h"
#include "igtlPositionMessage.h"
#include "igtlServerSocket.h"
#include "igtlStatusMessage.h"
#include "igtlStringMessage.h"
#include "igtlTrackingDataMessage.h"
#include "igtlTransformMessage.h"

static bool send(igtl::Socket* socket, igtl::MessageBase* message, const char* name, int number)
{
  igtl::TimeStamp::Pointer stamp = igtl::TimeStamp::New();
  stamp->SetTime(1000.0 + 0.25 * number);
  message->SetTimeStamp(stamp);
  message->SetDeviceName(name);
  message->Pack();
  return socket->Send(message->GetPackPointer(), message->GetPackSize());
}

int main(int argc, char** argv)
{
  if (argc != 3)
    return 2;
  igtl::ServerSocket::Pointer server = igtl::ServerSocket::New();
  if (server->CreateServer(std::atoi(argv[1])) < 0)
    return 3;
  std::puts("listening");
  std::fflush(stdout);
  igtl::Socket::Pointer socket = server->WaitForConnection(20000).GetPointer();
  if (socket.IsNull())
    return 4;
  for (int number = 0; number < std::atoi(argv[2]); ++number) {
    igtl::Matrix4x4 matrix = {
      {0.0f, -1.0f, 0.0f, 1.5f * number}, {1.0f, 0.0f, 0.0f, -20.0f}, {0.0f, 0.0f, 1.0f, 300.0f}, {0.0f, 0.0f, 0.0f, 1.0f}};
    igtl::TransformMessage::Pointer transform = igtl::TransformMessage::New();
    transform->SetMatrix(matrix);
    igtl::TrackingDataMessage::Pointer data = igtl::TrackingDataMessage::New();
    for (int tool = 0; tool < 2; ++tool) {
      igtl::TrackingDataElement::Pointer one = igtl::TrackingDataElement::New();
      one->SetName(tool == 0 ? "needle" : "reference");
      one->SetType(igtl::TrackingDataElement::TYPE_6D);
      one->SetMatrix(matrix);
      data->AddTrackingDataElement(one);
    }
    igtl::PositionMessage::Pointer position = igtl::PositionMessage::New();
    position->SetPackType(igtl::PositionMessage::ALL);
    position->SetPosition(1.0f, 2.0f, 3.0f);
    position->SetQuaternion(0.5f, -0.5f, 0.5f, 0.5f);
    igtl::StatusMessage::Pointer status = igtl::StatusMessage::New();
    status->SetCode(7);
    status->SetSubCode(-3);
    status->SetErrorName("OUT_OF_VIEW");
    status->SetStatusString("the needle is out of view");
    igtl::StringMessage::Pointer text = igtl::StringMessage::New();
    text->SetString("hello");
    if (!send(socket, transform, "NeedleToTracker", number) || !send(socket, data, "Tools", number) ||
        !send(socket, position, "Tip", number) || !send(socket, status, "Needle", number) ||
        !send(socket, text, "Said", number))
      break;
    igtl::Sleep(5);
  }
  socket->CloseSocket();
  return 0;
}
